import { z } from 'zod';
import type { ServiceRunSeen } from '../../core/facts.ts';
import type { OomKills } from '../../os/oom.ts';
import { digestGateway, Ledger } from '../../state/ledger.ts';
import type { StateStore } from '../../state/state-file.ts';

/**
 * systemd reports a kill when the unit has stopped, which a gateway may take 330 s
 * for; the group showed it before.
 */
const SAME_KILL_MS = 600_000;

const count = z.int().nonnegative();
const sectionSchema = z.object({
  /** Which gateway it is about, as a digest. */
  subject: z.string(),
  total: count,
  /** The control group that was read last, and its own count. */
  group: z.object({ group: z.string(), kills: count }).nullable(),
  /** The run of the service whose end by a kill is in the total, or was there at the first look. */
  endedRun: z.string().nullable(),
  /** When the group's count last grew; wall time, milliseconds. */
  grewAtMs: z.number().nullable(),
});
type Section = z.output<typeof sectionSchema>;

/** What one run saw; what could not be seen is undefined. */
export interface OomSights {
  readonly group: OomKills | undefined;
  readonly run: ServiceRunSeen | undefined;
  readonly nowMs: number;
}

/** The total as it is on disk; `unknown` before anything could be saved. */
export type OomTotal =
  | { readonly state: 'known'; readonly total: number }
  | { readonly state: 'unknown'; readonly reason: string };

/**
 * Counts out-of-memory kills over restarts of gateway and exporter. systemd removes a unit's control
 * group when it restarts, and with it the count, but tells how the run ended: each kill is counted
 * from one of the two, never both.
 */
export class OomLedger {
  readonly #ledger: Ledger<Section>;

  constructor(state: StateStore) {
    this.#ledger = new Ledger(state, 'oom', sectionSchema);
  }

  /**
   * Enters what was seen of a gateway. `gateway` names it; only a digest is kept.
   * What is returned is on disk.
   */
  async enter(gateway: string, sights: OomSights): Promise<OomTotal> {
    const subject = digestGateway(gateway);
    const { section, failure = '' } = await this.#ledger.enter((before) =>
      before?.subject === subject ? advanceSection(before, sights) : begin(subject, before, sights),
    );
    return section === undefined
      ? { state: 'unknown', reason: failure }
      : { state: 'known', total: section.total };
  }
}

/** What was there at the first look is history. */
function begin(subject: string, before: Section | undefined, { group, run }: OomSights): Section {
  const endedRun = isKilled(run) ? run.invocation : null;
  return { subject, total: before?.total ?? 0, group: group ?? null, endedRun, grewAtMs: null };
}

/** The next section; the very same object where nothing changed. */
function advanceSection(before: Section, { group, run, nowMs }: OomSights): Section {
  const growth = growthSince(before.group, group);
  const grewAtMs = growth > 0 ? nowMs : before.grewAtMs;
  const isNewEnd = isKilled(run) && run.invocation !== before.endedRun;
  const isSeenInGroup = grewAtMs !== null && nowMs - grewAtMs < SAME_KILL_MS;
  const total = before.total + growth + (isNewEnd && !isSeenInGroup ? 1 : 0);
  const isSameGroup = group === undefined || (growth === 0 && group.group === before.group?.group);
  if (isSameGroup && !isNewEnd) return before;
  return {
    ...before,
    total,
    group: group ?? before.group,
    endedRun: isNewEnd ? run.invocation : before.endedRun,
    grewAtMs,
  };
}

/** All kills in a group that was made since the last look are new; its first look is not the first of all. */
function growthSince(before: Section['group'], group: OomKills | undefined): number {
  if (group === undefined || before === null) return 0;
  return Math.max(0, group.kills - (group.group === before.group ? before.kills : 0));
}

function isKilled(run: ServiceRunSeen | undefined): run is ServiceRunSeen {
  return run?.result === 'oom-kill';
}
