import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../docs/network-faults.md', import.meta.url));

export interface FaultRow {
  readonly fault: string;
  /** What says so, in words. */
  readonly metrics: string;
  /** From the fault to the first scrape that says so; undefined where there is no such moment. */
  readonly seconds: number | undefined;
}

/** What each injected fault looked like; printed, and with `WRITE_FAULTS_PAGE=1` written into the docs. */
export class FaultTable {
  readonly #rows: FaultRow[] = [];

  add(row: FaultRow): void {
    this.#rows.push(row);
  }

  publish(): void {
    const lines = this.#rows.map(
      ({ fault, metrics, seconds }) => `| ${fault} | ${seconds?.toFixed(1) ?? ''} | ${metrics} |`,
    );
    const table = ['| fault | detected after (s) | metrics |', '| --- | --- | --- |', ...lines].join('\n');
    process.stdout.write(`${table}\n`);
    if (process.env.WRITE_FAULTS_PAGE !== '1' || this.#rows.length === 0) return;
    writeFileSync(PAGE, `${HEAD}\n${table}\n`);
  }
}

const HEAD = `# Faults on the way to SSH hosts

Recorded by \`WRITE_FAULTS_PAGE=1 npx vitest run --project e2e test/e2e/ssh-namespaces.test.ts\`: a real gateway, a real exporter and
real SSH servers, each host in a network namespace of its own. The SSH interval there is 6 s (30 s by default), and the times refer to
it. During each fault the verdicts on the other hosts, the gateway, its process and its token are compared with those before it and must
not change. The skewed clock is simulated by a remote \`date\` command, because namespaces share the machine's clock. Metric names
omit the prefixes \`openclaw_\` and \`openclaw_gateway_\`.
`;
