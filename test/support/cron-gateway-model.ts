import type { CronJob, CronSchedule, RunStatus } from '../../src/collectors/cron/source/records.ts';

const BACK_OFF_MS = [30_000, 60_000, 300_000, 900_000, 3_600_000];
const QUARTER_MS = 900_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Numbers from 0 to below 1 that follow from the seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The instants of a five-field expression whose minutes are multiples of 15, found by asking the
 * platform what the wall clock shows each quarter of an hour. What the clock shows twice counts once,
 * the first time, as in newer gateways.
 */
export function instantsByTheWall(expr: string, timeZone: string, fromMs: number, toMs: number): number[] {
  const tests = expr.split(' ').map(fieldTest);
  return wallQuarters(timeZone, fromMs, toMs)
    .filter(({ fields }) => fields.every((value, index) => tests[index]?.(value)))
    .map(({ ms }) => ms);
}

/** A quarter of an hour that the wall clock shows for the first time. */
interface WallQuarter {
  readonly ms: number;
  /** Minute, hour, day, month, day of the week. */
  readonly fields: readonly number[];
}
const quarters = new Map<string, WallQuarter[]>();

function wallQuarters(timeZone: string, fromMs: number, toMs: number): WallQuarter[] {
  const key = `${timeZone} ${fromMs} ${toMs}`;
  const known = quarters.get(key);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const made: WallQuarter[] = [];
  const shown = new Set<string>();
  for (let ms = fromMs; ms < toMs; ms += QUARTER_MS) {
    const text = format.format(ms);
    if (shown.has(text)) continue;
    shown.add(text);
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0] = (text.match(/\d+/g) ?? []).map(Number);
    made.push({
      ms,
      fields: [minute, hour, day, month, new Date(Date.UTC(year, month - 1, day)).getUTCDay()],
    });
  }
  quarters.set(key, made);
  return made;
}

function fieldTest(field: string): (value: number) => boolean {
  const parts = field.split(',').map((part) => {
    const [range = '*', step = '1'] = part.split('/');
    const [low = 0, high = range === '*' ? 59 : low] = range === '*' ? [0] : range.split('-').map(Number);
    return (value: number) => value >= low && value <= high && (value - low) % Number(step) === 0;
  });
  return (value) => parts.some((part) => part(value));
}

/** A natural next occurrence from sorted instants, put off by a stagger offset. */
export function nextOf(instants: readonly number[], offsetMs = 0): (ms: number) => number {
  return (ms) => {
    let low = 0;
    let high = instants.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((instants[middle] ?? 0) + offsetMs > ms) high = middle;
      else low = middle + 1;
    }
    return (instants[low] ?? Number.POSITIVE_INFINITY) + offsetMs;
  };
}

export interface Outage {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface GatewayPlan {
  readonly id: string;
  readonly schedule: CronSchedule;
  /** Of a cron expression: the next instant after one, stagger included. */
  readonly natural?: (ms: number) => number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly graceMs: number;
  readonly outages: readonly Outage[];
  readonly random: () => number;
  /** What of 1 runs fails, and what of 1 occurrences vanishes without a trace. */
  readonly failing: number;
  readonly vanishing: number;
  readonly maxRunMs: number;
  /** What a gateway does with a recurring job that came due while it was down. */
  readonly afterOutage: 'run' | 'defer' | 'skip';
}

export interface ModelRun {
  readonly runAtMs: number;
  readonly finishedAtMs: number;
  readonly status: RunStatus;
}

export interface GatewayStory {
  readonly runs: readonly ModelRun[];
  /** Occurrences that no run in time belongs to, up to the last run. */
  readonly missedAtMs: readonly number[];
  /** Whether a run was killed of which nobody can tell if it would have lasted into the next occurrence. */
  readonly isUndecidable: boolean;
  /** The job as its storage tells it at an instant. */
  jobAt(ms: number): CronJob;
}

type State = Partial<Omit<CronJob, 'id' | 'schedule'>>;

/** Lets a gateway with one job live by the rules of real ones, and keeps what really happened. */
export function liveGateway(plan: GatewayPlan): GatewayStory {
  return new ModelGateway(plan).live();
}

class ModelGateway {
  readonly #plan: GatewayPlan;
  readonly #states: { atMs: number; state: State }[] = [];
  readonly #runs: ModelRun[] = [];
  readonly #missed: number[] = [];
  /** The occurrence that follows the last run; later ones follow from it while nothing runs. */
  #firstMs: number;
  #nextMs: number;
  #last: ModelRun | undefined;
  #errors = 0;
  #isUndecidable = false;

  constructor(plan: GatewayPlan) {
    this.#plan = plan;
    this.#nextMs = this.#natural(plan.fromMs);
    this.#firstMs = this.#nextMs;
    this.#tell(plan.fromMs, {});
  }

  live(): GatewayStory {
    while (this.#nextMs < this.#plan.toMs) this.#come();
    return {
      runs: this.#runs,
      missedAtMs: this.#missed,
      isUndecidable: this.#isUndecidable,
      jobAt: (ms) => this.#jobAt(ms),
    };
  }

  /** What happens at the time the gateway has planned. */
  #come(): void {
    const { random, vanishing, afterOutage } = this.#plan;
    const dueMs = this.#nextMs;
    const startMs = dueMs + Math.floor(random() < 0.03 ? random() * 5 * MINUTE : random() * 2 * SECOND);
    const outage = this.#plan.outages.find(({ fromMs, toMs }) => fromMs <= startMs && dueMs < toMs);
    if (outage === undefined) {
      if (random() >= vanishing) this.#run(startMs);
      else this.#replan(dueMs + 50, this.#computed(dueMs + 50));
    } else if (afterOutage === 'skip') {
      this.#replan(outage.toMs, this.#computed(outage.toMs));
    } else if (afterOutage === 'defer') {
      this.#replan(outage.toMs, outage.toMs + 2 * MINUTE);
      this.#run(outage.toMs + 2 * MINUTE + 20);
    } else {
      this.#run(outage.toMs + 700);
    }
  }

  #replan(atMs: number, nextMs: number): void {
    this.#nextMs = nextMs;
    this.#tell(atMs, {});
  }

  #run(startMs: number): void {
    const { random, failing, maxRunMs, outages } = this.#plan;
    this.#settle(startMs);
    this.#tell(startMs, { runningAtMs: startMs });
    const tookMs = Math.floor(random() * maxRunMs) + 1;
    const killed = outages.find(({ fromMs }) => fromMs > startMs && fromMs < startMs + tookMs);
    const status = killed === undefined ? (random() < failing ? 'error' : 'ok') : 'interrupted';
    const endMs = killed === undefined ? startMs + tookMs : killed.toMs + 500;
    const isFirstOk = status === 'ok' && this.#errors > 0;
    const isRepeated = status !== 'ok' && this.#errors > 0;
    this.#errors = status === 'ok' ? 0 : this.#errors + 1;
    this.#last = { runAtMs: startMs, finishedAtMs: endMs, status };
    this.#runs.push(this.#last);
    if (status === 'interrupted' && this.#natural(startMs) <= startMs + maxRunMs + 2 * SECOND)
      this.#isUndecidable = true;
    if (status === 'interrupted') this.#missed.push(...this.#passedOver(startMs, startMs + maxRunMs, endMs));
    const naturalMs = isFirstOk || isRepeated ? this.#natural(endMs) : this.#computed(endMs);
    const waitMs = status === 'ok' ? (this.#plan.schedule.kind === 'cron' ? 2 * SECOND : 0) : this.#backOff();
    this.#nextMs = Math.max(naturalMs, endMs + waitMs);
    this.#firstMs = this.#nextMs;
    this.#tell(endMs, {});
  }

  /** Which occurrences a run that starts now leaves without a run. */
  #settle(startMs: number): void {
    const passed: number[] = [];
    for (let ms = this.#firstMs; ms <= startMs; ms = this.#following(ms)) passed.push(ms);
    const latestMs = passed.at(-1);
    if (latestMs !== undefined && startMs - latestMs <= this.#plan.graceMs) passed.pop();
    this.#missed.push(...passed);
  }

  /** What came due after a killed run would have ended and before the next gateway noticed. */
  #passedOver(startMs: number, afterMs: number, untilMs: number): number[] {
    const { schedule } = this.#plan;
    const found: number[] = [];
    let ms = schedule.kind === 'every' ? startMs + schedule.everyMs : this.#natural(afterMs);
    for (; ms <= untilMs; ms = this.#following(ms)) found.push(ms);
    return found;
  }

  #following(ms: number): number {
    const { schedule } = this.#plan;
    return schedule.kind === 'every' ? ms + schedule.everyMs : this.#natural(ms);
  }

  #natural(ms: number): number {
    const { schedule, natural, fromMs } = this.#plan;
    if (schedule.kind !== 'every') return natural?.(ms) ?? Number.POSITIVE_INFINITY;
    const anchorMs = schedule.anchorMs ?? fromMs;
    return anchorMs + (Math.floor((ms - anchorMs) / schedule.everyMs) + 1) * schedule.everyMs;
  }

  #computed(ms: number): number {
    const { schedule } = this.#plan;
    const fromLastMs = schedule.kind === 'every' ? (this.#last?.runAtMs ?? 0) + schedule.everyMs : 0;
    return fromLastMs > ms ? fromLastMs : this.#natural(ms);
  }

  #backOff(): number {
    return BACK_OFF_MS[Math.min(this.#errors, BACK_OFF_MS.length) - 1] ?? 0;
  }

  #tell(atMs: number, change: State): void {
    const last = this.#last;
    const known: State =
      last === undefined
        ? {}
        : {
            lastRunAtMs: last.runAtMs,
            lastRunStatus: last.status === 'ok' ? 'ok' : 'error',
            lastDurationMs: last.finishedAtMs - last.runAtMs,
          };
    const state = { ...known, consecutiveErrors: this.#errors, nextRunAtMs: this.#nextMs, ...change };
    this.#states.push({ atMs, state });
  }

  #jobAt(ms: number): CronJob {
    let low = 0;
    let high = this.#states.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#states[middle]?.atMs ?? 0) <= ms) low = middle + 1;
      else high = middle;
    }
    return cronJob({ id: this.#plan.id, schedule: this.#plan.schedule, ...this.#states[low - 1]?.state });
  }
}

/** An enabled job of which nothing more is known than what is given. */
export function cronJob(known: Partial<CronJob> & Pick<CronJob, 'schedule'>): CronJob {
  return {
    id: 'job',
    origin: 'gateway',
    name: 'job',
    enabled: true,
    createdAtMs: undefined,
    nextRunAtMs: undefined,
    runningAtMs: undefined,
    lastRunAtMs: undefined,
    lastRunStatus: undefined,
    lastDurationMs: undefined,
    consecutiveErrors: 0,
    ...known,
  };
}
