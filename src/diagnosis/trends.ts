import type { JobTotals, ReadFact } from '../core/facts.ts';
import type { Clock } from '../lib/clock.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { findSample } from './machine.ts';

/** Time between two samples, milliseconds. */
export const SAMPLE_MS = 15_000;
/** Samples kept: one day. */
const MAX_SAMPLES = 86_400_000 / SAMPLE_MS;
/** Runs kept of a job. */
export const MAX_MARKS = 10;
/** Of further jobs no run is kept. */
const MAX_JOBS = 20_000;

/** How a run ended: a status of the gateway's, or `missed` where it did not start. */
export type RunMark = string;

/** One sample of a gauge; `value` is undefined where the gauge was absent. */
export interface TrendSample {
  /** Wall time, milliseconds since the epoch. */
  readonly atMs: number;
  readonly value: number | undefined;
}

/** What the exporter has seen since it started, at most the last day; nothing of it survives a restart. */
export interface Trends {
  /** When the first sample was taken; wall time, milliseconds. */
  readonly sinceMs: number;
  /** Duration of the last HTTP ping, seconds. */
  readonly ping: readonly TrendSample[];
  /** Resident memory of the gateway, bytes. */
  readonly memory: readonly TrendSample[];
  /** The last runs by the job's id, newest last; the first of them may have ended before the start. */
  readonly runs: ReadonlyMap<string, readonly RunMark[]>;
}

/** What the samples are taken from. */
interface TrendOptions {
  readonly clock: Clock;
  readonly facts: ReadFact;
  readonly metrics: Pick<Metrics, 'samplesOf'>;
}

/** Keeps samples of the gateway and the last runs of its jobs in memory, for the status page. */
export class TrendRecorder {
  readonly #options: TrendOptions;
  readonly #ping: TrendSample[] = [];
  readonly #memory: TrendSample[] = [];
  readonly #runs = new Map<string, readonly RunMark[]>();
  #compared: ReadonlyMap<string, JobTotals> = new Map();
  #totals: readonly JobTotals[] | undefined;
  #sinceMs: number | undefined;
  #cancel: () => void = () => undefined;

  constructor(options: TrendOptions) {
    this.#options = options;
  }

  /** Takes a sample every {@link SAMPLE_MS} until `stop`. */
  start(): void {
    this.sample();
    this.#cancel = this.#options.clock.after(SAMPLE_MS, () => this.start());
  }

  /** Takes no more samples. */
  stop(): void {
    this.#cancel();
  }

  /** Takes one sample of everything. */
  sample(): void {
    const { clock, metrics, facts } = this.#options;
    const atMs = clock.now();
    this.#sinceMs ??= atMs;
    const ping = findSample(metrics, 'ping', 'openclaw_gateway_last_ping_duration_seconds', {
      phase: 'http',
    });
    keep(this.#ping, { atMs, value: ping?.value });
    const memory = findSample(metrics, 'process', 'openclaw_gateway_process_resident_memory_bytes');
    keep(this.#memory, { atMs, value: memory?.value });
    this.#compareRuns(facts('jobTotals'));
  }

  /** What is kept now. */
  read(): Trends {
    const sinceMs = this.#sinceMs ?? this.#options.clock.now();
    return { sinceMs, ping: this.#ping, memory: this.#memory, runs: this.#runs };
  }

  #compareRuns(totals: readonly JobTotals[] | undefined): void {
    if (totals === undefined || totals === this.#totals) return;
    this.#totals = totals;
    const before = this.#compared;
    this.#compared = new Map(totals.slice(0, MAX_JOBS).map((job) => [job.id, job]));
    for (const id of this.#runs.keys()) if (!this.#compared.has(id)) this.#runs.delete(id);
    for (const job of this.#compared.values()) {
      const known = before.get(job.id);
      if (known === job) continue;
      const marks = known === undefined ? firstMark(job) : newMarks(known, job);
      if (marks.length === 0) continue;
      this.#runs.set(job.id, [...(this.#runs.get(job.id) ?? []), ...marks].slice(-MAX_MARKS));
    }
  }
}

function keep(samples: TrendSample[], sample: TrendSample): void {
  samples.push(sample);
  if (samples.length > MAX_SAMPLES) samples.shift();
}

function firstMark({ last }: JobTotals): RunMark[] {
  return last === undefined ? [] : [last.status];
}

/** What was counted in between; which run was the last one is known, the order of the others is not. */
function newMarks(before: JobTotals, { counts, last }: JobTotals): RunMark[] {
  const grown = Object.entries(counts.runs).map(
    ([status, count]) => [status, count - (before.counts.runs[status] ?? 0)] as const,
  );
  const isLast = (status: string) => (status === last?.status ? 1 : 0);
  const all = [['missed', counts.missed - before.counts.missed] as const, ...grown];
  return all
    .toSorted(([a], [b]) => isLast(a) - isLast(b))
    .flatMap(([status, count]) =>
      Array.from({ length: Math.max(0, Math.min(count, MAX_MARKS)) }, () => status),
    );
}
