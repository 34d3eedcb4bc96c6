import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ruleFiles } from '../../prometheus/source/render.ts';
import { ruleGroups } from '../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../prometheus/source/thresholds.ts';
import { SCENARIO_SETS } from '../../prometheus/tests/files.ts';
import { endingCases, type LifeCase, nearestCases, renderLife } from '../../prometheus/tests/life.ts';
import { installed, runProgram } from '../support/promtool.ts';

const LONG = 900_000;
/** Cases of at most this many minutes are evaluated as often as the scenarios of minutes. */
const SHORT_MINUTES = 400;

/** Scenarios of minutes together, those of days and of objectives each with their own thresholds. */
const KINDS = [
  { name: 'minutes', sets: SCENARIO_SETS.filter(({ evaluation }) => evaluation === undefined) },
  ...SCENARIO_SETS.filter(({ evaluation }) => evaluation !== undefined).map((set) => ({
    name: set.name,
    sets: [set],
  })),
];

describe.skipIf(!installed('promtool'))(
  'the life of each alert (skipped where promtool is not installed)',
  () => {
    it.each(KINDS)(
      'does not begin where the fault is over before its time: scenarios of $name',
      async ({ sets }) => {
        const cases = nearestCases(sets.flatMap(({ scenarios }) => scenarios));
        expect(await playCases(cases, sets)).toBe('');
      },
      LONG,
    );

    it.each(KINDS)(
      'ends once the fault is over: scenarios of $name',
      async ({ sets }) => {
        const cases = endingCases(sets.flatMap(({ scenarios }) => scenarios));
        const [long, short] = [true, false].map((isLong) =>
          cases.filter(({ scenario }) => scenario.minutes > SHORT_MINUTES === isLong),
        );
        expect(await playCases(short ?? [], sets)).toBe('');
        expect(await playCases(long ?? [], sets, '10m')).toBe('');
      },
      LONG,
    );
  },
);

/** What promtool says against these cases; empty where all hold. */
async function playCases(
  cases: readonly LifeCase[],
  [set]: typeof SCENARIO_SETS,
  evaluation = set?.evaluation ?? '1m',
): Promise<string> {
  if (cases.length === 0) return '';
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-alert-life-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const t = thresholdsSchema.parse(set?.thresholds ?? {});
  mkdirSync(join(folder, 'rules'));
  for (const { path, text } of ruleFiles(ruleGroups(t), t)) writeFileSync(join(folder, path), text);
  const file = join(folder, 'life.yml');
  // No alert reads what dashboards and health record.
  writeFileSync(file, renderLife(join(folder, 'rules', '[^dh]*.yml'), cases, evaluation));
  const { ok, output } = await runProgram('promtool', ['test', 'rules', file]);
  return ok ? '' : output;
}
