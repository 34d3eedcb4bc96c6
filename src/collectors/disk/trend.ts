interface Point {
  readonly atMs: number;
  readonly availBytes: number;
}

/** What a trend is taken over, as the alert's `disk_range`; and how much of it has to be there. */
const RANGE_MS = 6 * 3_600_000;
const LEAST_MS = 5 * 3_600_000;
/** Between two points that are kept. */
const STEP_MS = 60_000;

/** Free space of one filesystem over the last hours. */
export class Trend {
  #points: Point[] = [];

  /** Adds a measurement; `atMs` by the monotonic clock. */
  add(atMs: number, availBytes: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && atMs - last.atMs < STEP_MS) return;
    this.#points = [...this.#points.filter((point) => atMs - point.atMs <= RANGE_MS), { atMs, availBytes }];
  }

  /**
   * In how many milliseconds it is full at this rate; undefined where it does not fill, or
   * was not seen for long enough.
   */
  predictFull(): number | undefined {
    const [first] = this.#points;
    const last = this.#points.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < LEAST_MS) return undefined;
    const slope = fitSlope(this.#points);
    return slope >= 0 ? undefined : last.availBytes / -slope;
  }
}

/** Bytes per millisecond, by least squares. */
function fitSlope(points: readonly Point[]): number {
  const count = points.length;
  const meanAt = points.reduce((sum, { atMs }) => sum + atMs, 0) / count;
  const meanAvail = points.reduce((sum, { availBytes }) => sum + availBytes, 0) / count;
  let [above, below] = [0, 0];
  for (const { atMs, availBytes } of points) {
    above += (atMs - meanAt) * (availBytes - meanAvail);
    below += (atMs - meanAt) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
