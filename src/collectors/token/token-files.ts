import { accessSync, constants } from 'node:fs';
import type { Evidence } from '../../core/collector.ts';
import { codeOf } from '../../lib/errors.ts';
import { expandHome } from '../../lib/paths.ts';
import { formatTokenPath } from '../../openclaw/credentials.ts';

/** A gateway of the configuration with the file that holds its credential. */
interface NamedGateway {
  readonly name: string;
  readonly token_file?: string | undefined;
}

/** Token files of the gateways for `/probe` that cannot be read: their probes would say so only when they run. */
export function tokenFileEvidence(gateways: readonly NamedGateway[], home: string): Evidence[] {
  return gateways.flatMap(({ name, token_file: file }): Evidence[] => {
    const path = file === undefined ? undefined : expandHome(file, home);
    const problem = path === undefined ? undefined : findProblem(path);
    if (path === undefined || problem === undefined) return [];
    return [
      {
        layer: 'token',
        subject: `gateway ${name}`,
        verdict: 'warning',
        text: `its token_file ${formatTokenPath(path, home)} cannot be read (${problem})`,
        repair: "correct the path, or let the exporter's user read the file (chown, chmod 600)",
        fault: 'token-unreadable',
      },
    ];
  });
}

function findProblem(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return codeOf(error) ?? 'unreadable';
  }
}
