import { describeObjectives, type ObjectiveCounts } from '../../diagnosis/objectives.ts';
import type { Sample } from '../../metrics/family.ts';
import type { Count } from '../../metrics/instruments.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { type Html, html } from './html.ts';
import { inTurns } from './rows.ts';

/** Names of the metrics that the objectives are counted from. */
export const OBJECTIVE_METRICS = [
  'openclaw_gateway_pings_total',
  'openclaw_cron_runs_total',
  'openclaw_cron_missed_runs_total',
] as const;
const [PINGS, RUNS, MISSED] = OBJECTIVE_METRICS;

/** Runs that count for the objective of success: a job that was skipped neither failed nor succeeded. */
const JUDGED: ReadonlySet<string> = new Set(['ok', 'error', 'interrupted']);

/** What was counted so far of pings and of cron runs; yields to other work in between. */
export async function readObjectives(
  metrics: Pick<Metrics, 'samplesOf' | 'countsOf'>,
): Promise<ObjectiveCounts> {
  const pings = await metrics.countsOf(PINGS);
  const cron = { runs: 0, succeeded: 0, missed: 0 };
  for await (const slice of inTurns(metrics.samplesOf('cron'))) {
    for (const sample of slice) addRuns(cron, sample);
  }
  return {
    pings: sum(pings),
    answered: sum(pings.filter(({ labels }) => labels.result === 'ok')),
    ...cron,
  };
}

function sum(counts: readonly Count[]): number {
  return counts.reduce((total, { value }) => total + value, 0);
}

function addRuns(
  cron: { runs: number; succeeded: number; missed: number },
  { family, labels, value }: Sample,
): void {
  if (family.name === MISSED) cron.missed += value;
  if (family.name !== RUNS || !JUDGED.has(labels.status ?? '')) return;
  cron.runs += value;
  if (labels.status === 'ok') cron.succeeded += value;
}

/** What was kept of the objectives, below the layers. */
export function objectivesLine(counts: ObjectiveCounts): Html | undefined {
  const sentences = describeObjectives(counts);
  if (sentences.length === 0) return undefined;
  return html`<p class="meta" id="objectives">${sentences.join(' ')} Alerts judge 30 days.</p>`;
}
