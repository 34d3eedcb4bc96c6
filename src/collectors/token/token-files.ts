import type { Evidence } from '../../core/collector.ts';
import { expandHome } from '../../lib/paths.ts';
import { NotedFiles } from '../../lib/watched-files.ts';
import { fromTokenFile } from '../../openclaw/credentials.ts';

/** A gateway of the configuration with the file that holds its credential. */
interface NamedGateway {
  readonly name: string;
  readonly token_file?: string | undefined;
}

/**
 * Token files of the gateways for `/probe` that hold no credential: their probes
 * would say so only when they run.
 */
export function tokenFileEvidence(gateways: readonly NamedGateway[], home: string): Evidence[] {
  return gateways.flatMap(({ name, token_file: file }) => {
    const problems: string[] = [];
    if (file !== undefined)
      fromTokenFile(expandHome(file, home), { name: 'its token_file', home }, new NotedFiles(), problems);
    return problems.map(
      (text): Evidence => ({
        layer: 'token',
        subject: `gateway ${name}`,
        verdict: 'warning',
        text,
        repair:
          "correct the path or the file's content, or let the exporter's user read it (chown, chmod 600)",
        fault: 'token-unreadable',
      }),
    );
  });
}
