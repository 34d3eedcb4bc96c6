import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../../../lib/clock.ts';
import type { FoundLog } from './discovery.ts';
import { LogWatch, type WatchFolders } from './watch.ts';

/** When logs are watched instead of looked at. */
export interface LogStatsOptions {
  readonly clock: Clock;
  /** Whether folders may be watched at all. */
  readonly watch: boolean;
  /** Below this many logs a look at each of them costs less than watching. */
  readonly watchFrom: number;
  /** Even a log of which inotify says nothing is looked at this often, milliseconds. */
  readonly sweepMs: number;
  readonly watchFolders: WatchFolders | undefined;
}

/** Which stats still hold. */
export interface StatsOutlook {
  /** Whether all of them do: no log was touched. */
  readonly untouched: boolean;
  /** Words without paths. */
  readonly problems: readonly string[];
}

/** The stats of logs: remembered from look to look as long as a watch is there and says nothing of a file. */
export class LogStats {
  readonly #options: LogStatsOptions;
  readonly #watch: LogWatch;
  readonly #known = new Map<string, Stats | undefined>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  #watching = false;

  constructor(options: LogStatsOptions) {
    this.#options = options;
    this.#watch = new LogWatch(options.watchFolders);
  }

  /** Whether all folders of the last {@link renew} are watched. */
  get watching(): boolean {
    return this.#watching;
  }

  /**
   * Forgets what may have changed since the last call. What was touched is told
   * once: its stat is asked for anew.
   */
  renew(logs: readonly FoundLog[]): StatsOutlook {
    const { clock, watch, watchFrom, sweepMs } = this.#options;
    const wanted = watch && logs.length >= watchFrom;
    const touched = this.#watch.takeTouched();
    const covered = this.#watch.cover(wanted ? new Set(logs.map(({ path }) => dirname(path))) : []);
    this.#watching = wanted && covered;
    const now = clock.monotonic();
    const sweeps = !this.#watching || now - this.#sweptAtMs >= sweepMs;
    if (sweeps) {
      this.#known.clear();
      this.#sweptAtMs = now;
    }
    for (const path of touched) this.#known.delete(path);
    // What a link leads to changes in a folder that nobody watches.
    const linked = logs.filter(({ symlink }) => symlink);
    for (const { path } of linked) this.#known.delete(path);
    const untouched = !sweeps && touched.size + linked.length === 0;
    return { untouched, problems: wanted ? this.#failure() : [] };
  }

  /** The stat of a path, undefined where there is no regular file. */
  async of(path: string): Promise<Stats | undefined> {
    if (this.#known.has(path)) return this.#known.get(path);
    const found = await stat(path).catch(() => undefined);
    const file = found?.isFile() === true ? found : undefined;
    this.#known.set(path, file);
    return file;
  }

  /** Ends the watching. */
  async close(): Promise<void> {
    await this.#watch.close();
  }

  #failure(): string[] {
    const { failure } = this.#watch;
    return failure === undefined
      ? []
      : [`log folders cannot be watched (${failure}): all files are looked at in each round`];
  }
}
