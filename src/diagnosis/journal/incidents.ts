import type { Cause } from '../../core/collector.ts';
import type { Layer } from '../../lib/vocabulary.ts';
import type { Statement } from '../../state/database-worker.ts';
import { type EventRow, putRow, shorten, shortenSubject } from '../../state/journal.ts';
import type { CurrentIncident } from '../cause.ts';

/** An incident that begins again within this time goes on; milliseconds. */
export const REOPENED_MS = 10 * 60_000;

/** What the incidents of a moment are judged by. */
export interface IncidentMoment {
  readonly nowMs: number;
  readonly found: ReadonlyMap<Cause, CurrentIncident>;
  /** Since when the evidence of an incident holds; wall time, milliseconds. */
  readonly sinceMs: (incident: CurrentIncident) => number;
  /** Whether nothing is known of a layer now: its incident then neither lasts nor ends. */
  readonly isUnknown: (layer: Layer) => boolean;
  /** Whether this is the first judgement since the exporter started or woke up. */
  readonly isFirst: boolean;
  /** Runs of all jobs counted so far; undefined where they are not counted. */
  readonly runs: () => number | undefined;
}

/** Incidents, at most one of each cause at a time, with begin and end. */
export class IncidentLog {
  /** The last incident of each cause, whether it lasts or has ended. */
  readonly #last = new Map<string, EventRow>();
  #lastId: number;

  /** Goes on from the rows of a journal, oldest first. */
  constructor(rows: readonly EventRow[], lastId: number) {
    for (const row of rows) if (row.kind === 'incident') this.#last.set(row.cause ?? '', row);
    this.#lastId = lastId;
  }

  /** What has to be written about the incidents of this moment. */
  advance(moment: IncidentMoment): Statement[] {
    const begun = [...moment.found.values()].flatMap((incident) => this.#meet(incident, moment));
    const ended = [...this.#last.values()].flatMap((row) => this.#end(row, moment));
    return [...begun, ...ended];
  }

  /** Adds an event of a moment. */
  addEvent(kind: 'restart' | 'version', atMs: number, text: string): Statement[] {
    const row = { ...this.#emptyRow(atMs), kind, ended_ms: atMs, text: shorten(text) };
    return [putRow('events', row)];
  }

  #meet(incident: CurrentIncident, moment: IncidentMoment): Statement[] {
    const before = this.#last.get(incident.cause);
    const { nowMs } = moment;
    const description = describe(incident);
    if (before?.ended_ms === null) return this.#update(before, description);
    if (before !== undefined && nowMs - (before.ended_ms ?? 0) < REOPENED_MS) {
      const severity = worse(before.severity, description.severity);
      return this.#put({
        ...before,
        ...description,
        severity,
        ended_ms: null,
        unseen: 0,
        times: before.times + 1,
      });
    }
    const beganMs = Math.min(nowMs, moment.sinceMs(incident));
    return this.#put({
      ...this.#emptyRow(beganMs),
      ...description,
      cause: incident.cause,
      runs_before: moment.runs() ?? null,
    });
  }

  /** The words of an incident are those of its worst moment. */
  #update(row: EventRow, description: ReturnType<typeof describe>): Statement[] {
    const isWorse = row.severity === 'warning' && description.severity === 'critical';
    const isSame =
      row.subject === description.subject && (row.detail !== null || description.detail === null);
    if (isWorse) return this.#put({ ...row, ...description });
    return isSame
      ? []
      : this.#put({ ...row, detail: row.detail ?? description.detail, subject: row.subject });
  }

  #end(row: EventRow, moment: IncidentMoment): Statement[] {
    if (row.ended_ms !== null || row.cause === null || moment.found.has(row.cause)) return [];
    if (row.layer !== null && moment.isUnknown(row.layer)) return [];
    const runs = row.runs_before === null ? undefined : moment.runs();
    return this.#put({
      ...row,
      ended_ms: moment.nowMs,
      unseen: moment.isFirst ? 1 : 0,
      runs: runs === undefined ? null : Math.max(0, runs - (row.runs_before ?? 0)),
    });
  }

  #put(row: EventRow): Statement[] {
    this.#last.set(row.cause ?? '', row);
    return [putRow('events', row)];
  }

  #emptyRow(beganMs: number): EventRow {
    this.#lastId += 1;
    return {
      id: this.#lastId,
      kind: 'incident',
      began_ms: beganMs,
      ended_ms: null,
      severity: null,
      cause: null,
      layer: null,
      subject: null,
      text: '',
      detail: null,
      times: 1,
      unseen: 0,
      runs_before: null,
      runs: null,
    };
  }
}

function describe({ evidence, severity }: CurrentIncident) {
  const { layer, subject, text, detail } = evidence;
  return {
    severity,
    layer,
    subject: shortenSubject(subject),
    text: shorten(text),
    detail: detail === undefined ? null : shorten(detail),
  };
}

function worse(a: EventRow['severity'], b: EventRow['severity']): EventRow['severity'] {
  return a === 'critical' ? a : b;
}
