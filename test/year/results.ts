import { join } from 'node:path';
import { z } from 'zod';
import { ResultFile } from '../support/result-file.ts';
import type { Outcome } from './play.ts';
import { KINDS, type YearWindow } from './windows.ts';

/** Which rules a window was played with: the bundled ones, or those of before for comparison. */
export const RULES = ['before', 'bundled'] as const;

/** What a window of the year cost the people behind the receivers. */
const resultSchema = z.strictObject({
  rules: z.enum(RULES),
  kind: z.enum(KINDS),
  name: z.string(),
  /** Pages that a person wants, and those that were opened. */
  wanted: z.int(),
  pages: z.int(),
  chats: z.int(),
  tickets: z.int(),
  incidents: z.array(z.string()),
});
/** See {@link resultSchema}. */
export type YearResult = z.output<typeof resultSchema>;

const file = new ResultFile<YearResult>(
  join(import.meta.dirname, '..', '..', 'docs', 'year.json'),
  resultSchema,
  ({ rules, kind, name }) => `${rules} ${kind} ${name}`,
);

/** All windows that were played. */
export function readYear(): YearResult[] {
  return file.read();
}

/** Puts an outcome in the place of an older one of the same window. */
export function keepOutcome(rules: YearResult['rules'], outcome: Outcome): void {
  file.keep(createResult(rules, outcome));
}

/** An outcome as it is kept. */
function createResult(rules: YearResult['rules'], { window, ...counts }: Outcome): YearResult {
  return {
    rules,
    kind: window.kind,
    name: window.name,
    wanted: window.pages,
    ...counts,
    incidents: [...counts.incidents],
  };
}

/** Whether this window has been played with these rules. */
export function isKept(rules: YearResult['rules'], { kind, name }: YearWindow): boolean {
  return readYear().some((one) => one.rules === rules && one.kind === kind && one.name === name);
}
