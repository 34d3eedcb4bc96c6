import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { articleCommands } from './article-commands.ts';
import type { Bench, BenchRow } from './bench.ts';
import { cronScale } from './cron-scale.ts';
import { earlierBuild } from './earlier-build.ts';
import { fleetOfGateways } from './fleet-of-gateways.ts';
import { neverRead } from './never-read.ts';
import { onePrometheus } from './one-prometheus.ts';
import { pingAgainstBlackbox } from './ping-against-blackbox.ts';
import { scrapeAtSize } from './scrape-at-size.ts';
import { scrapeWhileHanging } from './scrape-while-hanging.ts';
import { sshHosts, sshHostsBySize } from './ssh-hosts.ts';
import { stateFolder } from './state-folder.ts';

const BENCHES: readonly Bench[] = [
  articleCommands,
  earlierBuild,
  pingAgainstBlackbox,
  scrapeAtSize,
  scrapeWhileHanging,
  neverRead,
  fleetOfGateways,
  onePrometheus,
  sshHostsBySize,
  sshHosts,
  cronScale,
  stateFolder,
];
const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));

const only = process.argv[2];
const chosen = BENCHES.filter(({ name, needs }) =>
  only === undefined ? needs === undefined || process.env[needs] !== undefined : name.includes(only),
);
const sections = new Map(sectionsOf(readFileSync(PAGE, 'utf8')));
for (const bench of chosen) {
  process.stderr.write(`${bench.name} …\n`);
  const text = section(bench, await bench.run());
  process.stdout.write(text);
  sections.set(titleOf(bench), text);
}
const texts = BENCHES.flatMap((bench) => sections.get(titleOf(bench)) ?? []);
writeFileSync(
  PAGE,
  `# Benchmarks

Each table is written by the command above it; \`npm run bench\` writes them all. Both sides of a table ran on the same machine
(2 cores) in the same run; read the ratios, not the absolute figures.

${texts.join('\n')}`,
);

/** The page's sections with their titles. */
function sectionsOf(page: string): [title: string, text: string][] {
  return page
    .split(/^(?=## )/m)
    .slice(1)
    .map((text) => [/^## (.*)/.exec(text)?.[1] ?? '', `${text.trimEnd()}\n`]);
}

function titleOf({ name }: Bench): string {
  return `${name[0]?.toUpperCase()}${name.slice(1)}`;
}

function section(bench: Bench, rows: readonly BenchRow[]): string {
  const { name, claim, alternative } = bench;
  const lines = rows.map((row) => `| ${row.what} | ${row.ours} | ${row.alternative} | ${row.ratio} |`);
  return `## ${titleOf(bench)}

\`npm run bench -- "${name}"\` on ${process.platform}, Node ${process.version}

${claim} The alternative: ${alternative}.

| | ours | alternative | ratio |
| --- | --- | --- | --- |
${lines.join('\n')}
`;
}
