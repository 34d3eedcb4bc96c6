import type { TargetState } from '../../core/collector-loop.ts';
import type { JobTotals, ReadFact } from '../../core/facts.ts';
import { decides, overallVerdict } from '../../core/verdict.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Layer } from '../../lib/vocabulary.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Statement } from '../../state/database-worker.ts';
import {
  type Journal,
  type JournalTail,
  pruneJournal,
  putRow,
  putSeen,
  type SpanRow,
} from '../../state/journal.ts';
import { type CurrentIncident, diagnose, findIncidents, findLayer } from '../cause.ts';
import { findSample } from '../machine.ts';
import { ChangeLog, type CurrentVerdict, FLAPPING_MS } from './changes.ts';
import { IncidentLog, REOPENED_MS } from './incidents.ts';
import { RunLog } from './runs.ts';

/** How often the verdicts are compared with those before; milliseconds. */
export const RECORD_MS = 5_000;
/** How often the journal notes that the exporter runs. */
const HEARTBEAT_MS = 60_000;
/** Without a judgement for so long nothing is known of the time between: the machine slept, or the disk hung. */
const GAP_MS = 3 * RECORD_MS + HEARTBEAT_MS;
const PRUNE_MS = 3_600_000;

/** What the recorder reads, and where it writes. */
export interface RecorderOptions {
  readonly journal: Pick<Journal, 'open' | 'write' | 'close'>;
  readonly clock: Clock;
  /** Of this exporter. */
  readonly version: string;
  /** Whether the storage path is this exporter's own. */
  readonly isOwner: () => boolean;
  readonly states: () => readonly TargetState[];
  readonly layerSince: (layer: Layer) => number | undefined;
  /** Whether every collector has finished its first run: before that the verdicts are incomplete. */
  readonly isReady: () => boolean;
  readonly facts: ReadFact;
  readonly metrics: Pick<Metrics, 'samplesOf'>;
}

interface Logs {
  readonly incidents: IncidentLog;
  readonly changes: ChangeLog;
  readonly runs: RunLog;
  readonly seen: Map<string, string>;
  span: SpanRow;
}

/**
 * Writes the journal: what changed in the verdicts of all collectors, with when the exporter ran. What cannot be
 * written is compared again with what the journal holds, so nothing is entered twice.
 */
export class JournalRecorder {
  readonly #options: RecorderOptions;
  #logs: Logs | undefined;
  #isFirst = true;
  #judgedMs = Number.NEGATIVE_INFINITY;
  #prunedMs = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => undefined;
  #working: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Records every {@link RECORD_MS} until `stop`. */
  start(): void {
    if (this.#isStopped) return;
    this.#working = this.record().finally(() => {
      if (!this.#isStopped) this.#cancel = this.#options.clock.after(RECORD_MS, () => this.start());
    });
  }

  /** Notes until when the exporter ran, and closes the journal. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#working;
    if (this.#logs !== undefined && this.#options.isOwner()) {
      const row = { ...this.#logs.span, ended_ms: this.#options.clock.now() };
      await this.#options.journal.write([putRow('spans', row)]);
    }
    await this.#options.journal.close();
  }

  /** Compares once with what is recorded, and writes what is new. Never rejects. */
  async record(): Promise<void> {
    const { clock, isOwner, isReady, journal } = this.#options;
    if (!isReady() || !isOwner()) return;
    this.#logs ??= await this.#load();
    const logs = this.#logs;
    if (logs === undefined) return;
    const nowMs = clock.now();
    const statements = this.#judge(logs, nowMs);
    if (statements.length === 0) return;
    const isSaved = await journal.write(statements);
    // What the file holds decides.
    if (!isSaved) this.#logs = undefined;
    this.#isFirst = false;
  }

  async #load(): Promise<Logs | undefined> {
    const nowMs = this.#options.clock.now();
    const tail = await this.#options.journal.open(nowMs - Math.max(FLAPPING_MS, REOPENED_MS));
    if (tail === undefined) return undefined;
    return {
      incidents: new IncidentLog(tail.events, tail.lastEventId),
      changes: new ChangeLog(tail.changes, tail.lastChangeId),
      runs: new RunLog(tail.jobs, tail.seen),
      seen: new Map(tail.seen),
      span: this.#continueSpan(tail, nowMs),
    };
  }

  /** Whoever only lost the file for a moment goes on with the span; a new exporter begins one. */
  #continueSpan({ span }: JournalTail, nowMs: number): SpanRow {
    if (!this.#isFirst && span !== undefined && nowMs - span.ended_ms <= GAP_MS) return span;
    this.#isFirst = true;
    return this.#newSpan((span?.id ?? 0) + 1, nowMs);
  }

  #newSpan(id: number, nowMs: number): SpanRow {
    return { id, began_ms: nowMs, ended_ms: Number.NEGATIVE_INFINITY, version: this.#options.version };
  }

  #judge(logs: Logs, nowMs: number): Statement[] {
    if (nowMs - this.#judgedMs > GAP_MS && Number.isFinite(logs.span.ended_ms)) {
      logs.span = this.#newSpan(logs.span.id + 1, nowMs);
      this.#isFirst = true;
    }
    this.#judgedMs = nowMs;
    const statements = [
      ...this.#compareVerdicts(logs, nowMs),
      ...this.#compareGateway(logs, nowMs),
      ...this.#compareRuns(logs, nowMs),
    ];
    if (nowMs - this.#prunedMs > PRUNE_MS) {
      this.#prunedMs = nowMs;
      statements.push(...pruneJournal(nowMs), ...logs.runs.prune());
    }
    if (statements.length === 0 && nowMs - logs.span.ended_ms < HEARTBEAT_MS) return [];
    logs.span = { ...logs.span, ended_ms: Math.max(nowMs, logs.span.ended_ms) };
    return [...statements, putRow('spans', logs.span)];
  }

  #compareVerdicts({ incidents, changes }: Logs, nowMs: number): Statement[] {
    const { states, layerSince } = this.#options;
    const seen = states();
    const layers = diagnose(seen).layers;
    const blind = new Set(seen.flatMap((one) => (one.blind === undefined ? [] : [findLayer(one)])));
    const isUnknown = (layer: Layer) => blind.has(layer) || (layers.get(layer) ?? 'unknown') === 'unknown';
    const since = new Map(
      seen.flatMap(({ evidence, sinceMs }) => evidence.map((one, index) => [one, sinceMs?.[index]] as const)),
    );
    const subjects = listSubjects(seen, (evidence) => since.get(evidence) ?? nowMs);
    const whole = [...layers].map(([layer, verdict]): CurrentVerdict => {
      const why = subjects.find((one) => one.layer === layer && one.verdict === verdict);
      const text = why === undefined ? '' : `${why.subject}: ${why.text}`;
      return { layer, subject: '', verdict, sinceMs: layerSince(layer) ?? nowMs, text };
    });
    return [
      ...incidents.advance({
        nowMs,
        found: findIncidents(seen),
        sinceMs: ({ evidence, explains }: CurrentIncident) =>
          Math.min(since.get(evidence) ?? nowMs, (explains && since.get(explains)) ?? nowMs),
        isUnknown,
        isFirst: this.#isFirst,
        runs: () => sumRuns(this.#options.facts('jobTotals')),
      }),
      ...changes.advance([...whole, ...subjects.filter(({ layer }) => layer !== 'cron')], isUnknown, nowMs),
    ];
  }

  #compareGateway({ incidents, seen }: Logs, nowMs: number): Statement[] {
    const { facts, metrics } = this.#options;
    const process = facts('process');
    const version = findSample(metrics, 'ping', 'openclaw_gateway_info')?.labels.version;
    const note = (name: string, value: string | undefined, describe: (before: string) => Statement[]) => {
      const before = seen.get(name);
      if (value === undefined || value === before) return [];
      seen.set(name, value);
      return [putSeen(name, value), ...(before === undefined ? [] : describe(before))];
    };
    return [
      ...note('process', process?.identity, () => {
        const atMs = Math.min(nowMs, process?.startedAtMs ?? nowMs);
        return incidents.addEvent('restart', atMs, 'the gateway started anew');
      }),
      ...note('version', version, (before) =>
        incidents.addEvent('version', nowMs, `OpenClaw ${before} to ${version}`),
      ),
    ];
  }

  #compareRuns({ runs }: Logs, nowMs: number): Statement[] {
    const totals = this.#options.facts('jobTotals');
    if (totals === undefined) return [];
    const details = new Map(
      this.#options
        .states()
        .flatMap(({ evidence }) => evidence.map(({ subject, detail }) => [subject, detail])),
    );
    return runs.advance(totals, (name) => details.get(`job ${name}`), nowMs);
  }
}

/** Every subject once, with the worst that is stated of it. */
function listSubjects(
  seen: readonly TargetState[],
  sinceMs: (evidence: TargetState['evidence'][number]) => number,
): CurrentVerdict[] {
  const all = seen.flatMap(({ evidence }) => evidence.filter(decides));
  const bySubject = Map.groupBy(all, ({ layer, subject }) => `${layer} ${subject}`);
  return [...bySubject.values()].flatMap((its) => {
    const verdict = overallVerdict(its.map((one) => one.verdict));
    const why = its.find((one) => one.verdict === verdict);
    if (why === undefined) return [];
    const { layer, subject, text } = why;
    return [{ layer, subject, verdict, sinceMs: sinceMs(why), text }];
  });
}

function sumRuns(totals: readonly JobTotals[] | undefined): number | undefined {
  return totals?.reduce(
    (sum, { counts }) => Object.values(counts.runs).reduce((all, one) => all + one, sum),
    0,
  );
}
