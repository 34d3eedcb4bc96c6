import { resolve } from 'node:path';
import { type Measures, measureSource } from './source.ts';
import { measureWay, WAYS, type Way } from './way.ts';

/*
 * How easy the program is to find one's way in: `npm run house` measures this tree, `npm run house -- FOLDER`
 * another one beside it, such as a work tree of an earlier commit with its packages installed.
 */

const MEASURES: Readonly<Record<keyof Measures, string>> = {
  statements: 'statements of src',
  files: 'files of src',
  largestFolder: 'files in the largest folder',
  mutualImports: 'pairs of folders that import each other',
  longLines: 'lines over 110 columns',
  longFiles: 'files over 400 lines',
};

const roots = [...process.argv.slice(2), resolve(import.meta.dirname, '..', '..')].map((root) =>
  resolve(root),
);
const measured = roots.map((root) => measureSource(`${root}/src`));
const ways = new Map<Way, readonly (readonly string[])[]>();
for (const way of Object.keys(WAYS) as Way[]) {
  const files: (readonly string[])[] = [];
  for (const root of roots) files.push(await measureWay(root, way));
  ways.set(way, files);
}

const rows = [
  ['', ...roots],
  ...Object.entries(MEASURES).map(([key, text]) => [
    text,
    ...measured.map((one) => String(one[key as keyof Measures])),
  ]),
  ...[...ways].map(([way, files]) => [
    `modules from ${WAYS[way]}`,
    ...files.map(({ length }) => String(length)),
  ]),
];
for (const row of rows) process.stdout.write(`| ${row.join(' | ')} |\n`);
for (const [way, files] of ways) process.stdout.write(`\n${WAYS[way]}: ${files.at(-1)?.join(', ')}\n`);
process.exit(0);
