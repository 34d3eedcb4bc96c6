import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { readRegular } from '../lib/regular-file.ts';

/** More is refused when the file is loaded. */
const MAX_BYTES = 4 * 1024 * 1024;

/** What automatic reload needs. */
export interface AutoReloadOptions {
  /** The files whose content counts. */
  readonly files: readonly string[];
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Called after a change; must not reject. */
  readonly reload: () => Promise<unknown>;
}

/**
 * Reloads the configuration when the content of its files has changed, as Prometheus' automatic reload does:
 * by checksum on an interval, which also sees files that are replaced, mounted or on a network. A file that
 * cannot be read at that moment, as while it is being replaced, counts as unchanged.
 */
export class AutoReload {
  readonly #options: AutoReloadOptions;
  readonly #checksums = new Map<string, string>();
  #cancelTimer: () => void = () => undefined;
  #isStopped = false;

  constructor(options: AutoReloadOptions) {
    this.#options = options;
  }

  /** Remembers what the files hold now, then compares on each interval until {@link stop}. */
  start(): void {
    void this.#compareThenWait(false);
  }

  /** Ends it; a reload that has begun is not interrupted. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  async #compareThenWait(mayReload: boolean): Promise<void> {
    const changed = await this.#update();
    if (this.#isStopped) return;
    if (mayReload && changed) await this.#options.reload();
    if (this.#isStopped) return;
    const { clock, intervalMs } = this.#options;
    this.#cancelTimer = clock.after(intervalMs, () => void this.#compareThenWait(true));
  }

  /** Whether a file's content is another one than before. */
  async #update(): Promise<boolean> {
    let changed = false;
    for (const file of this.#options.files) {
      const checksum = await computeChecksum(file);
      if (checksum === undefined || this.#checksums.get(file) === checksum) continue;
      this.#checksums.set(file, checksum);
      changed = true;
    }
    return changed;
  }
}

async function computeChecksum(file: string): Promise<string | undefined> {
  try {
    return createHash('sha256')
      .update(await readRegular(file, MAX_BYTES))
      .digest('hex');
  } catch {
    return undefined;
  }
}
