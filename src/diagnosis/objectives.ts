/** What is promised over 30 days, as shares; the rules' thresholds `slo_*` begin with the same numbers. */
export const OBJECTIVES = { availability: 0.995, cronSuccess: 0.95, cronPunctuality: 0.99 } as const;
/** Fewer cron runs than this are too few to judge. */
export const LEAST_CRON_RUNS = 20;

/** What was counted: pings since the exporter started, cron runs since its first start. */
export interface ObjectiveCounts {
  readonly pings: number;
  readonly answered: number;
  readonly runs: number;
  readonly succeeded: number;
  readonly missed: number;
}

/** What was kept of the objectives so far, in one sentence each; nothing where nothing was counted. */
export function describeObjectives(counts: ObjectiveCounts): string[] {
  const { pings, answered, runs, succeeded, missed } = counts;
  const due = runs + missed;
  return [
    ...(pings === 0
      ? []
      : [
          `${share(answered, pings)} of ${pings.toLocaleString('en')} pings since the exporter started were answered (objective ${percent(OBJECTIVES.availability)}).`,
        ]),
    ...(runs < LEAST_CRON_RUNS
      ? []
      : [
          `${share(succeeded, runs)} of ${runs.toLocaleString('en')} cron runs succeeded (objective ${percent(OBJECTIVES.cronSuccess)}), and ${share(runs, due)} of ${due.toLocaleString('en')} due runs started (objective ${percent(OBJECTIVES.cronPunctuality)}).`,
        ]),
  ];
}

/** Rounded down, so that only what has no failure is 100 %. */
function share(part: number, whole: number): string {
  return percent(Math.floor((part / whole) * 10_000) / 10_000);
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(2))} %`;
}
