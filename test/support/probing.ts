import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COLLECTOR_DEFAULTS } from '../../src/collectors/index.ts';
import { parseConfig } from '../../src/config/load.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../../src/lib/run-command.ts';
import type { ProbeResult } from '../../src/lib/vocabulary.ts';
import { Probes } from '../../src/probe/probes.ts';
import type { ProbeOptions } from '../../src/web/probe.ts';

export interface Probing extends ProbeOptions {
  /** `module result` of every probe that was answered. */
  readonly counted: string[];
  close(): void;
}

export interface ProbingOptions {
  readonly storagePath?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The probes of a configuration, given as what its YAML would hold. */
export function probing(config: unknown = {}, { storagePath, env = {} }: ProbingOptions = {}): Probing {
  const outcome = parseConfig(JSON.stringify(config), COLLECTOR_DEFAULTS);
  if (outcome.state === 'invalid') throw new Error(JSON.stringify(outcome.problems));
  const probes = new Probes({
    config: outcome.config,
    env,
    clock: systemClock,
    storagePath: storagePath ?? join(tmpdir(), 'no-such-folder', 'storage'),
    run: runCommand,
  });
  const counted: string[] = [];
  return {
    clock: systemClock,
    probes: () => probes,
    count: (module, result: ProbeResult) => counted.push(`${module} ${result}`),
    counted,
    close: () => probes.close(),
  };
}
