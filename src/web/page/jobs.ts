import { FAILING } from '../../collectors/cron/evidence.ts';
import type { RunMark } from '../../diagnosis/trends.ts';
import type { Sample } from '../../metrics/family.ts';
import { type Html, html } from './html.ts';
import { byText, firstOf, inTurns, type Rows } from './rows.ts';
import { runMarks } from './run-marks.ts';
import { tableHead, tableRow } from './table.ts';
import { distance, span } from './times.ts';
import { badge, type PageState } from './verdicts.ts';

/** One cron job, from its gauges. */
interface JobRow {
  readonly id: string;
  readonly name: string;
  enabled: boolean | undefined;
  errors: number;
  overdueSeconds: number;
  lastRunSeconds: number | undefined;
  lastStatus: string | undefined;
  nextRunSeconds: number | undefined;
}

/** A table's rows by job. */
export type Jobs = Rows<Readonly<JobRow>>;

/** What the rows depend on besides the gauges. */
export interface JobsContext {
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** How late a run may be (`cron.grace`), as for every other verdict on jobs; milliseconds. */
  readonly graceMs: number;
  /** The last runs by the job's id, oldest first. */
  readonly runs: ReadonlyMap<string, readonly RunMark[]> | undefined;
  /** Where the metrics are, relative to the page. */
  readonly metricsLink: string;
}

type Reader = (row: JobRow, sample: Sample) => void;

/** What the table shows of each gauge. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'openclaw_cron_job_enabled',
    (row, { value }) => {
      row.enabled = value === 1;
    },
  ],
  [
    'openclaw_cron_consecutive_errors',
    (row, { value }) => {
      row.errors = value;
    },
  ],
  [
    'openclaw_cron_job_overdue_seconds',
    (row, { value }) => {
      row.overdueSeconds = value;
    },
  ],
  [
    'openclaw_cron_last_run_timestamp_seconds',
    (row, { value }) => {
      row.lastRunSeconds = value;
    },
  ],
  [
    'openclaw_cron_next_run_timestamp_seconds',
    (row, { value }) => {
      row.nextRunSeconds = value;
    },
  ],
  [
    'openclaw_cron_last_run_status',
    (row, { value, labels }) => {
      if (value === 1) row.lastStatus = labels.status;
    },
  ],
]);
const COUNT = 'openclaw_cron_jobs';

/** Names of the metrics that this table is made of. */
export const JOB_METRICS: readonly string[] = [...READERS.keys(), COUNT];

/** The jobs of the cron collector, failing ones first, then by name; yields to other work in between. */
export async function readJobs(snapshots: readonly (readonly Sample[])[]): Promise<Jobs> {
  const rows = new Map<string, JobRow>();
  let counted = 0;
  for await (const slice of inTurns(snapshots)) {
    for (const sample of slice) {
      const { name } = sample.family;
      if (name === COUNT) counted += sample.value;
      const read = READERS.get(name);
      if (read !== undefined) read(rowOf(rows, sample), sample);
    }
  }
  return { rows: firstOf(rows.values(), compareJobs), total: Math.max(counted, rows.size) };
}

function rowOf(rows: Map<string, JobRow>, { labels }: Sample): JobRow {
  const { cron_job_id: id = '', cron_job: name = '' } = labels;
  const known = rows.get(id);
  if (known !== undefined) return known;
  const row: JobRow = {
    id,
    name,
    enabled: undefined,
    errors: 0,
    overdueSeconds: 0,
    lastRunSeconds: undefined,
    lastStatus: undefined,
    nextRunSeconds: undefined,
  };
  rows.set(id, row);
  return row;
}

function compareJobs(a: JobRow, b: JobRow): number {
  return (
    b.errors - a.errors || b.overdueSeconds - a.overdueSeconds || byText(a.name, b.name) || byText(a.id, b.id)
  );
}

/** The table of jobs; nothing where there are none. */
export function jobsTable({ rows, total }: Jobs, context: JobsContext): Html | undefined {
  if (rows.length === 0) return undefined;
  const left = total - rows.length;
  const link = html`<a id="to-all-jobs" href="${context.metricsLink}?collect[]=cron">metrics of all jobs</a>`;
  const count =
    left > 0
      ? html`${rows.length} of ${total}, failing ones first; ${left} not shown: ${link}`
      : html`${total}, failing ones first`;
  const titles = ['Job', 'State', 'Last run', 'Recent runs', 'Next run', 'Failures in a row'];
  return html`<table role="table" id="jobs"><caption>Jobs <span class="meta">${count}</span></caption>
${tableHead(titles, ['Failures in a row'])}
<tbody role="rowgroup">
${rows.map((row) => jobRow(row, context))}
</tbody></table>`;
}

function jobRow(row: Readonly<JobRow>, { nowMs, graceMs, runs }: JobsContext): Html {
  const [state, word] = judgeJob(row, graceMs);
  const { lastRunSeconds: last, nextRunSeconds: next, lastStatus, overdueSeconds: late } = row;
  return tableRow(row.name, [
    { label: 'State', value: badge(state, word) },
    {
      label: 'Last run',
      value:
        last === undefined ? 'none yet' : html`${lastStatus ?? 'unknown'}, ${distance(last * 1000, nowMs)}`,
    },
    { label: 'Recent runs', value: runMarks(runs?.get(row.id)) ?? 'none seen' },
    { label: 'Next run', value: nextRun(next, late, nowMs) },
    { label: 'Failures in a row', value: row.errors, className: 'number' },
  ]);
}

function nextRun(next: number | undefined, lateSeconds: number, nowMs: number): Html {
  if (next === undefined) return html`not planned`;
  if (lateSeconds >= 1) return html`overdue by ${span(lateSeconds * 1000)}`;
  return next * 1000 > nowMs ? distance(next * 1000, nowMs) : html`now`;
}

function judgeJob(
  { enabled, errors, overdueSeconds, lastStatus }: JobRow,
  graceMs: number,
): [PageState, string] {
  if (errors >= FAILING) return ['warning', enabled === false ? 'Failing, disabled' : 'Failing'];
  if (enabled === false) return ['unseen', 'Disabled'];
  if (errors > 0) return ['warning', 'Failed'];
  if (overdueSeconds * 1000 > graceMs) return ['warning', 'Overdue'];
  return lastStatus === undefined ? ['unknown', 'No run yet'] : ['ok', 'OK'];
}
