import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { alertsPage, type GeneratedFile, prometheusRule, ruleFiles, vmalertFiles } from './render.ts';
import { ruleGroups } from './rules.ts';
import { accelerated, type Thresholds, thresholdsSchema } from './thresholds.ts';

const USAGE = `npm run rules -- [--thresholds=FILE] [--out=DIR] [--divide-durations=N]
  --thresholds        YAML file with any of the thresholds listed in docs/alerts.md
  --out               write rules/, vmalert/ and kubernetes/ there instead of into this repository
  --divide-durations  divide every duration by N, for tests that cannot wait (needs --out)
`;

const root = join(import.meta.dirname, '..', '..');
const divisor = z.coerce.number().min(1);

/** Every generated file, relative to the repository's root. */
export function generatedFiles(thresholds: Thresholds = thresholdsSchema.parse({})): GeneratedFile[] {
  const groups = ruleGroups(thresholds);
  return [
    ...exported(thresholds).map(({ path, text }) => ({ path: join('prometheus', path), text })),
    { path: 'docs/alerts.md', text: alertsPage(groups) },
  ];
}

/**
 * Writes the files; the exit code, 2 with the reasons on standard error when
 * something in the arguments is wrong.
 */
export function main(args: readonly string[]): number {
  const asked = argumentsOf(args);
  if (asked.state === 'wrong') {
    process.stderr.write(`${asked.reason}\n${USAGE}`);
    return 2;
  }
  const { thresholds, out } = asked;
  const files =
    out === undefined
      ? generatedFiles(thresholds).map(({ path, text }) => ({ path: join(root, path), text }))
      : exported(thresholds).map(({ path, text }) => ({ path: join(out, path), text }));
  for (const { path, text } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return 0;
}

/** The rules for somebody else's Prometheus: without this repository's documentation. */
function exported(thresholds: Thresholds): GeneratedFile[] {
  const groups = ruleGroups(thresholds);
  return [
    ...ruleFiles(groups, thresholds),
    ...vmalertFiles(groups, thresholds),
    prometheusRule(groups, thresholds),
  ];
}

type Asked =
  | { readonly state: 'understood'; readonly thresholds: Thresholds; readonly out: string | undefined }
  | { readonly state: 'wrong'; readonly reason: string };

function argumentsOf(args: readonly string[]): Asked {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        thresholds: { type: 'string' },
        out: { type: 'string' },
        'divide-durations': { type: 'string' },
      },
    });
    const file: unknown =
      values.thresholds === undefined ? {} : parse(readFileSync(values.thresholds, 'utf8'));
    const thresholds = thresholdsSchema.safeParse(file ?? {});
    if (!thresholds.success) return { state: 'wrong', reason: z.prettifyError(thresholds.error) };
    const by = divisor.safeParse(values['divide-durations'] ?? 1);
    if (!by.success) return { state: 'wrong', reason: '--divide-durations wants a number of at least 1' };
    if (values.out === undefined && by.data !== 1) {
      return {
        state: 'wrong',
        reason: '--divide-durations needs --out: the committed rules stay as they are',
      };
    }
    if (values.out === undefined && values.thresholds !== undefined) {
      return { state: 'wrong', reason: '--thresholds needs --out: the committed rules keep the defaults' };
    }
    return { state: 'understood', thresholds: accelerated(thresholds.data, by.data), out: values.out };
  } catch (error) {
    return { state: 'wrong', reason: error instanceof Error ? error.message : String(error) };
  }
}

if (process.argv[1] === import.meta.filename) process.exitCode = main(process.argv.slice(2));
