import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bench, BenchRow } from './bench.ts';
import { cronScale } from './cron-scale.ts';
import { fleetOfGateways } from './fleet-of-gateways.ts';
import { scrapeWhileHanging } from './scrape-while-hanging.ts';
import { sshHosts } from './ssh-hosts.ts';

const BENCHES: readonly Bench[] = [scrapeWhileHanging, fleetOfGateways, sshHosts, cronScale];
const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));

const only = process.argv[2];
const chosen = BENCHES.filter(({ name }) => only === undefined || name.includes(only));
const sections: string[] = [];
for (const bench of chosen) {
  process.stderr.write(`${bench.name} …\n`);
  sections.push(section(bench, await bench.run()));
}
const page = `# Benchmarks

Made by \`npm run bench\` on ${process.platform}, Node ${process.version}. Both sides of a table ran on the same machine in the
same run; read the ratios, not the absolute figures.

${sections.join('\n')}`;
if (only === undefined) writeFileSync(PAGE, page);
process.stdout.write(page);

function section({ name, claim, alternative }: Bench, rows: readonly BenchRow[]): string {
  const lines = rows.map((row) => `| ${row.what} | ${row.ours} | ${row.alternative} | ${row.ratio} |`);
  return `## ${name[0]?.toUpperCase()}${name.slice(1)}

${claim} The alternative: ${alternative}.

| | ours | alternative | ratio |
| --- | --- | --- | --- |
${lines.join('\n')}
`;
}
