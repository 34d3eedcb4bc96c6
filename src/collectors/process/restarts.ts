import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { digestGateway, Ledger } from '../../state/ledger.ts';
import type { StateStore } from '../../state/state-file.ts';

const seen = z.object({
  boot: z.string(),
  pid: z.int(),
  start: z.string(),
  /** The gateway's own word for this start of itself; restarts inside one process change only this. */
  generation: z.string().optional(),
});

const sectionSchema = z.object({
  /** Which gateway `last` was; another gateway's process is no restart of this one. */
  subject: z.string(),
  restarts: z.int().min(0),
  last: seen.optional(),
  /** When the last restarts were seen, oldest first; wall time, milliseconds. */
  recentMs: z.array(z.number()).optional(),
});
/** As many restarts as the slowest crash loop has. */
const MAX_RECENT = 8;

/** A gateway process as it was seen alive. */
export type SeenProcess = z.output<typeof seen>;
type Section = z.output<typeof sectionSchema>;

/** The total as it is on disk; `unknown` before anything could be saved. */
export type RestartTotal =
  | { readonly state: 'known'; readonly total: number }
  | { readonly state: 'unknown'; readonly reason: string };

/**
 * Counts a gateway's restarts over restarts of the exporter. A restart is a gateway seen alive
 * that is not the one seen alive before, whatever lay between; several between two looks are one.
 * What is returned is on disk.
 */
export class RestartCounter {
  readonly #ledger: Ledger<Section>;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(state: StateStore, clock: Pick<Clock, 'now'>) {
    this.#ledger = new Ledger(state, 'process', sectionSchema);
    this.#clock = clock;
  }

  /** The gateway process last seen alive, by this exporter or one before it. */
  last(gateway: string): SeenProcess | undefined {
    return turnTo(this.#ledger.read(), digestGateway(gateway)).last;
  }

  /** When the last {@link MAX_RECENT} restarts of it were seen, oldest first; wall time, milliseconds. */
  restartedAtMs(gateway: string): readonly number[] {
    return turnTo(this.#ledger.read(), digestGateway(gateway)).recentMs ?? [];
  }

  /**
   * Takes what was seen in this round: the gateway's process, or undefined where none is alive. `gateway`
   * names which one is watched; only a digest of it is kept.
   */
  async observe(gateway: string, alive: SeenProcess | undefined): Promise<RestartTotal> {
    const subject = digestGateway(gateway);
    const { section, failure = '' } = await this.#ledger.enter((before) =>
      advance(turnTo(before, subject), alive, this.#clock.now()),
    );
    return section === undefined
      ? { state: 'unknown', reason: failure }
      : { state: 'known', total: section.restarts };
  }
}

/** The section as it is about this gateway: what was seen of another one is no restart of it. */
function turnTo(section: Section | undefined, subject: string): Section {
  return section?.subject === subject ? section : { subject, restarts: section?.restarts ?? 0 };
}

/** The next section; the very same object where nothing changed. */
function advance(before: Section, alive: SeenProcess | undefined, nowMs: number): Section {
  const { last } = before;
  if (alive === undefined) return before;
  if (last === undefined) return { ...before, last: alive };
  const sameProcess = last.boot === alive.boot && last.pid === alive.pid && last.start === alive.start;
  if (!sameProcess) return restart(before, alive, nowMs);
  if (alive.generation === undefined || alive.generation === last.generation) return before;
  // A lock that comes into sight later is no restart; one that changes is.
  return last.generation === undefined ? { ...before, last: alive } : restart(before, alive, nowMs);
}

function restart(before: Section, alive: SeenProcess, nowMs: number): Section {
  const recentMs = [...(before.recentMs ?? []), nowMs].slice(-MAX_RECENT);
  return { ...before, restarts: before.restarts + 1, last: alive, recentMs };
}
