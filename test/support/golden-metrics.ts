import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'metrics');

/** A recorded /metrics of one fault (test/integration/golden.test.ts). */
export interface GoldenMetrics {
  readonly name: string;
  /** Sample lines; the value is `~` where it varies. */
  readonly lines: readonly string[];
  /** What the status page made of it: `ok`, or `warning` or `bad` with the name of the likeliest cause. */
  readonly verdict: string;
}

/** Every recorded /metrics, the healthy one first. */
export function readGoldenMetrics(): GoldenMetrics[] {
  const healthy = readLines('healthy.prom');
  const faults = readdirSync(FOLDER).filter((file) => file.endsWith('.diff'));
  return [{ name: 'healthy', lines: healthy, verdict: 'ok' }, ...faults.map((file) => apply(healthy, file))];
}

function apply(healthy: readonly string[], file: string): GoldenMetrics {
  const changes = readLines(file);
  const having = (mark: string) =>
    changes.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length));
  const gone = new Set(having('- '));
  return {
    name: file.replace('.diff', ''),
    lines: [...healthy.filter((line) => !gone.has(line)), ...having('+ ')],
    verdict: having('# verdict: ')[0] ?? '',
  };
}

function readLines(file: string): string[] {
  return readFileSync(join(FOLDER, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
