import type { CollectorContext } from '../core/context.ts';
import { runCommand } from '../lib/run-command.ts';
import { openClawInstallReader } from '../openclaw/install.ts';

/** What differs between the running exporter and `check`. */
export type OwnSurroundings = Omit<CollectorContext, 'platform' | 'run' | 'install'>;

/**
 * The surroundings of collectors on this machine: real child processes, and the
 * OpenClaw that is installed here.
 */
export function surroundings(own: OwnSurroundings): CollectorContext {
  const read = openClawInstallReader({ env: own.env, gateway: own.config.gateway });
  const install = () => read(own.facts('process')?.live);
  return { ...own, platform: process.platform, run: runCommand, install };
}
