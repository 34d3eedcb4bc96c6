const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const DAY_MS = 86_400_000;
/** Offsets kept a zone: some years of days. */
const MAX_KEPT = 4_096;
const OFFSET = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/**
 * Wall time of one time zone. Offsets are asked of the platform once a day of the zone's history and kept,
 * and once a quarter of an hour on days with a change: every change in use since 1970 falls on a quarter.
 */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat;
  readonly #kept = new Map<number, number>();

  /** Throws a RangeError where the platform does not know the zone. */
  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  }

  /** Milliseconds that the wall clock is ahead of UTC at an instant. */
  offsetAt(ms: number): number {
    const dayMs = Math.floor(ms / DAY_MS) * DAY_MS;
    const atStart = this.#ask(dayMs);
    if (atStart === this.#ask(dayMs + DAY_MS)) return atStart;
    return this.#ask(Math.floor(ms / QUARTER_MS) * QUARTER_MS);
  }

  /**
   * The instants at which the wall clock shows a time (given as if it were UTC), the earlier first: none
   * where the clock was put forward over it, two where it was put back.
   */
  instantsOf(wallMs: number): number[] {
    const offsets = new Set([this.offsetAt(wallMs - DAY_MS), this.offsetAt(wallMs + DAY_MS)]);
    return [...offsets]
      .map((offset) => wallMs - offset)
      .filter((ms) => ms + this.offsetAt(ms) === wallMs)
      .sort((a, b) => a - b);
  }

  #ask(ms: number): number {
    const kept = this.#kept.get(ms);
    if (kept !== undefined) return kept;
    const name = this.#format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const offset = parseOffset(name);
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(ms, offset);
    return offset;
  }
}

function parseOffset(name: string): number {
  const [, sign, hours, minutes, seconds] = OFFSET.exec(name) ?? [];
  const ms = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * MINUTE_MS + Number(seconds ?? 0) * 1000;
  return sign === '-' ? -ms : ms;
}
