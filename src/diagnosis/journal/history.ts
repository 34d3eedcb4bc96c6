import { z } from 'zod';
import { LAYERS, type Layer } from '../../lib/vocabulary.ts';
import {
  type ChangeRow,
  type EventRow,
  type Journal,
  type JournalExtract,
  parseExtract,
  type SpanRow,
  selectExtract,
} from '../../state/journal.ts';

const HOUR_MS = 3_600_000;
/** Without a note for longer than this the exporter did not run. */
const GAP_MS = 90_000;

const time = z.iso.datetime();
const verdict = z.enum(['ok', 'warning', 'bad', 'unknown']);

/** What `history --json` prints and `/history.json` serves; a new `version` when a key changes its meaning or goes. */
export const historySchema = z.strictObject({
  version: z.literal(1),
  from: time,
  to: time,
  gaps: z
    .array(z.strictObject({ from: time, to: time }))
    .describe('when the exporter did not run: nothing is known of these times'),
  incidents: z.array(
    z.strictObject({
      from: time,
      to: time.nullable().describe('null while it lasts'),
      severity: z.enum(['warning', 'critical']),
      cause: z.enum(['network', 'process', 'authentication', 'partial-failure', 'cron']),
      layer: z.enum(LAYERS),
      subject: z.string(),
      text: z.string(),
      detail: z.string().optional().describe('what the other side reported, redacted'),
      times: z.int().describe('how often it began, where it ended for less than 10 minutes in between'),
      endNotSeen: z.boolean().describe('it ended while the exporter did not run, at `to` at the latest'),
      runsMeanwhile: z.int().nullable().describe('runs of cron jobs that finished while it lasted'),
    }),
  ),
  events: z.array(z.strictObject({ at: time, kind: z.enum(['restart', 'version']), text: z.string() })),
  changes: z
    .array(
      z.strictObject({
        from: time,
        to: time.describe('after `from` where more than 6 changes within 30 minutes are one entry'),
        layer: z.enum(LAYERS),
        subject: z.string().describe('empty: the layer as a whole'),
        before: verdict.nullable(),
        after: verdict,
        count: z.int(),
        text: z.string(),
      }),
    )
    .describe('changes of verdict; of each layer also the last one before `from`'),
  jobs: z
    .array(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        failed: z.int(),
        missed: z.int(),
        firstHour: time,
        lastHour: time,
        error: z.string().optional().describe('what the gateway reported of the last failure, redacted'),
      }),
    )
    .describe('jobs with failed or missed runs, most first'),
  runs: z
    .array(z.strictObject({ hour: time, id: z.string(), failed: z.int(), missed: z.int() }))
    .describe('failed and missed runs per job and hour'),
});

/** What happened in a time, as programs get it; times in UTC. */
export type History = z.output<typeof historySchema>;

/** What of a journal is wanted. */
export interface HistorySelection {
  /** Wall times, milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Only what is about this layer. */
  readonly layer?: Layer | undefined;
  /** Whether texts of other programs may be shown. */
  readonly showsDetails: boolean;
  /** No runs, and changes of layers alone: a page is refreshed too often to read every hour of every job. */
  readonly isBrief?: boolean;
}

/** The history of a running exporter's journal; undefined where that cannot be read now. Never rejects. */
export async function readHistory(
  journal: Pick<Journal, 'read'>,
  selection: HistorySelection,
): Promise<History | undefined> {
  const rows = await journal.read(selectExtract(selection.fromMs, selection.isBrief));
  return rows === undefined ? undefined : createHistory(parseExtract(rows), selection);
}

/** The history in a part of the journal. */
export function createHistory(extract: JournalExtract, selection: HistorySelection): History {
  const { fromMs, toMs, layer, showsDetails } = selection;
  const isWanted = (one: { readonly layer: Layer | null }) => layer === undefined || one.layer === layer;
  const hasJobs = layer === undefined || layer === 'cron';
  return {
    version: 1,
    from: formatUtc(fromMs),
    to: formatUtc(toMs),
    gaps: listGaps(extract.spans, fromMs, toMs),
    incidents: extract.events.filter(isWanted).flatMap((row) => toIncident(row, showsDetails)),
    events: layer === undefined || layer === 'process' ? extract.events.flatMap(toEvent) : [],
    changes: extract.changes.filter(isWanted).map(toChange),
    jobs: (hasJobs ? extract.jobs : []).map(
      ({ job, name, failed, missed, error, first_hour, last_hour }) => ({
        id: job,
        name,
        failed,
        missed,
        firstHour: formatUtc(first_hour * HOUR_MS),
        lastHour: formatUtc(last_hour * HOUR_MS),
        ...(error === null || !showsDetails ? {} : { error }),
      }),
    ),
    runs: (hasJobs ? extract.hours : []).map(({ hour, job, failed, missed }) => {
      return { hour: formatUtc(hour * HOUR_MS), id: job, failed, missed };
    }),
  };
}

/** The times of which nothing is known: before, between and after the spans in which the exporter ran. */
function listGaps(spans: readonly SpanRow[], fromMs: number, toMs: number): History['gaps'] {
  const gaps: History['gaps'] = [];
  let knownMs = fromMs;
  for (const { began_ms, ended_ms } of [...spans, { began_ms: toMs, ended_ms: toMs }]) {
    if (began_ms - knownMs > GAP_MS) gaps.push({ from: formatUtc(knownMs), to: formatUtc(began_ms) });
    knownMs = Math.max(knownMs, ended_ms);
  }
  return gaps;
}

function toIncident(row: EventRow, showsDetails: boolean): History['incidents'] {
  const { kind, severity, cause, layer, subject, text, detail, times } = row;
  if (kind !== 'incident' || severity === null || cause === null || layer === null) return [];
  return [
    {
      from: formatUtc(row.began_ms),
      to: row.ended_ms === null ? null : formatUtc(row.ended_ms),
      severity,
      cause,
      layer,
      subject: subject ?? '',
      text,
      ...(detail === null || !showsDetails ? {} : { detail }),
      times,
      endNotSeen: row.unseen === 1,
      runsMeanwhile: row.runs,
    },
  ];
}

function toEvent({ kind, began_ms, text }: EventRow): History['events'] {
  return kind === 'incident' ? [] : [{ at: formatUtc(began_ms), kind, text }];
}

function toChange({ began_ms, ended_ms, layer, subject, before, after, count, text }: ChangeRow) {
  return { from: formatUtc(began_ms), to: formatUtc(ended_ms), layer, subject, before, after, count, text };
}

function formatUtc(ms: number): string {
  return new Date(ms).toISOString();
}
