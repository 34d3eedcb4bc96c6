import type { Evidence } from '../../core/collector.ts';
import { jobLabels } from './labels.ts';
import type { ReadSource, SourceReading } from './source/cron-source.ts';
import type { CronJob } from './source/records.ts';

/**
 * A run younger than this may be known to one side only, and two last runs this close may follow each other.
 */
const TOLERANCE_MS = 3 * 60_000;
/** A difference counts only when it was there in this many of the API's looks in a row. */
const LOOKS = 2;
const MAX_NAMED = 5;

type Readings = readonly (readonly [string, SourceReading])[];

/** Which jobs two sources of one gateway tell differently. */
export interface Agreement {
  readonly disagree: boolean;
  readonly differing: readonly CronJob[];
}

/** Compares what the gateway says (`api`) with what it stored (`sqlite`, else `jsonl`). */
export class CrossCheck {
  #judged: readonly CronJob[] | undefined;
  /** By job id: in how many of the API's looks in a row it differed. */
  #streaks: ReadonlyMap<string, number> = new Map();
  #last: Agreement | undefined;

  /**
   * Undefined while fewer than two sources can be compared. `nowMs` is wall time, as the jobs' own times are.
   */
  judge(readings: Readings, nowMs: number): Agreement | undefined {
    const api = readOf(readings, 'api');
    const store = readOf(readings, 'sqlite') ?? readOf(readings, 'jsonl');
    if (api === undefined || store === undefined) {
      this.#judged = undefined;
      this.#streaks = new Map();
      this.#last = undefined;
      return undefined;
    }
    // The API is asked less often: what it said before is no second look.
    if (this.#judged === api.jobs && this.#last !== undefined) return this.#last;
    this.#judged = api.jobs;
    const differing = differences(api.jobs, store.jobs, nowMs - TOLERANCE_MS);
    this.#streaks = new Map(differing.map(({ id }) => [id, (this.#streaks.get(id) ?? 0) + 1]));
    const lasting = differing.filter(({ id }) => (this.#streaks.get(id) ?? 0) >= LOOKS);
    this.#last = { disagree: lasting.length > 0, differing: lasting };
    return this.#last;
  }
}

/** What the on-call person should know of a disagreement. */
export function agreementEvidence(agreement: Agreement | undefined): Evidence[] {
  if (agreement === undefined) return [];
  const about = { layer: 'cron', subject: 'agreement of sources' } as const;
  if (!agreement.disagree) {
    return [{ ...about, verdict: 'ok', text: 'the gateway says the same as its stored jobs and runs' }];
  }
  const named = agreement.differing.slice(0, MAX_NAMED).map((job) => jobLabels(job).cron_job_id);
  const more = agreement.differing.length - named.length;
  return [
    {
      ...about,
      verdict: 'warning',
      text: `the gateway and its store tell these jobs differently: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
      repair: 'openclaw cron list --all',
    },
  ];
}

function readOf(readings: Readings, source: string): ReadSource | undefined {
  const reading = readings.find(([name]) => name === source)?.[1];
  return reading?.state === 'read' ? reading : undefined;
}

/**
 * Jobs of which only one side has an enabled one, or whose last finished run is
 * another one, before `settledMs`.
 */
function differences(said: readonly CronJob[], stored: readonly CronJob[], settledMs: number): CronJob[] {
  const there = new Map(stored.map((job) => [job.id, job]));
  const here = new Map(said.map((job) => [job.id, job]));
  const both = [...said, ...stored.filter(({ id }) => !here.has(id))];
  return both.filter((job) => differs(here.get(job.id), there.get(job.id), settledMs));
}

function differs(said: CronJob | undefined, stored: CronJob | undefined, settledMs: number): boolean {
  if ((said?.enabled ?? false) !== (stored?.enabled ?? false)) return true;
  if (said === undefined || stored === undefined) return false;
  const [a, b] = [said.lastRunAtMs ?? 0, stored.lastRunAtMs ?? 0];
  // A run that has only just ended may be on its way to the store.
  return a !== b && (Math.abs(a - b) > TOLERANCE_MS || Math.max(a, b) < settledMs);
}
