import { join } from 'node:path';
import { z } from 'zod';
import { ResultFile } from '../support/result-file.ts';
import type { Batch, Outcome } from './play.ts';

/** Scrape intervals that are played, in seconds. */
export const INTERVALS = [15, 30, 60, 120] as const;

const names = z.array(z.string());
/** What came of the alerts of one batch at one scrape interval; see {@link Outcome}. */
const resultSchema = z.strictObject({
  intervalSeconds: z.int(),
  files: names,
  expected: names,
  missing: names,
  falsePages: names,
});
/** See {@link resultSchema}. */
export type IntervalResult = z.output<typeof resultSchema>;

const file = new ResultFile<IntervalResult>(
  join(import.meta.dirname, '..', '..', 'docs', 'intervals.json'),
  resultSchema,
  ({ intervalSeconds, files }) => `${intervalSeconds} ${files.join(' ')}`,
);

/** Everything that was played. */
export function readIntervals(): IntervalResult[] {
  return file.read();
}

/** Puts an outcome in the place of an older one of the same interval and files. */
export function keepInterval(intervalSeconds: number, { files }: Batch, outcome: Outcome): void {
  file.keep({
    intervalSeconds,
    files: [...files],
    expected: [...outcome.expected],
    missing: [...outcome.missing],
    falsePages: [...outcome.falsePages],
  });
}

/** Whether this batch has been played at this interval. */
export function isKept(intervalSeconds: number, { files }: Batch): boolean {
  const key = files.join(' ');
  return readIntervals().some(
    (one) => one.intervalSeconds === intervalSeconds && one.files.join(' ') === key,
  );
}
