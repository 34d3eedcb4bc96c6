import { z } from 'zod';
import { BOOT_REASONS, type BootReason } from '../../lib/vocabulary.ts';
import { digestGateway, Ledger } from '../../state/ledger.ts';
import type { StateStore } from '../../state/state-file.ts';
import { findReason, isContinuation } from './reasons.ts';
import type { Boot } from './source/boots.ts';

const count = z.int().nonnegative();
const sectionSchema = z.object({
  /** Which gateway it is about, as a digest. */
  subject: z.string(),
  totals: z.record(z.string(), count),
  /**
   * The newest boot that is in the totals, or the newest there was at the first
   * look; null where there was none.
   */
  cursor: z
    .object({
      id: z.string(),
      pid: z.int(),
      startedMs: z.number(),
      outcome: z.string().nullable(),
      isConfigReload: z.boolean(),
    })
    .nullable(),
});
type Section = z.output<typeof sectionSchema>;

/** Boots by reason as they are on disk; `unknown` before anything could be saved. */
export type BootTotals =
  | { readonly state: 'known'; readonly totals: Readonly<Record<BootReason, number>> }
  | { readonly state: 'unknown'; readonly reason: string };

/**
 * Counts each boot of a gateway once, over restarts of the exporter. What was there before it is not counted.
 */
export class BootLedger {
  readonly #ledger: Ledger<Section>;

  constructor(state: StateStore) {
    this.#ledger = new Ledger(state, 'boots', sectionSchema);
  }

  /**
   * Enters the boots of a gateway, oldest first. `gateway` names it; only a digest is kept.
   * What is returned is on disk.
   */
  async enter(gateway: string, boots: readonly Boot[]): Promise<BootTotals> {
    const subject = digestGateway(gateway);
    const { section, failure = '' } = await this.#ledger.enter((before) =>
      advanceTotals(before, subject, boots),
    );
    return section?.subject === subject
      ? { state: 'known', totals: fillTotals(section) }
      : { state: 'unknown', reason: failure };
  }
}

function fillTotals({ totals }: Section): Record<BootReason, number> {
  const all = BOOT_REASONS.map((reason) => [reason, totals[reason] ?? 0]);
  return Object.fromEntries(all) as Record<BootReason, number>;
}

/** The next section; the very same object where nothing changed. */
function advanceTotals(saved: Section | undefined, subject: string, boots: readonly Boot[]): Section {
  const newest = boots.at(-1);
  if (saved?.subject !== subject)
    return { subject, totals: saved?.totals ?? {}, cursor: toCursor(newest, null) };
  const { cursor } = saved;
  const totals = { ...saved.totals };
  const place = boots.findIndex(({ id }) => id === cursor?.id);
  const isKept = place >= 0;
  const fresh = isKept
    ? boots.slice(place + 1)
    : boots.filter(({ startedMs }) => startedMs > (cursor?.startedMs ?? Number.NEGATIVE_INFINITY));
  let before: Pick<Boot, 'pid' | 'outcome' | 'isConfigReload'> | undefined =
    boots[place] ?? cursor ?? undefined;
  for (const [index, boot] of fresh.entries()) {
    if (!isContinuation(boot, before)) {
      const reason = findReason(boot, before, isKept || index > 0);
      totals[reason] = (totals[reason] ?? 0) + 1;
    }
    before = boot;
  }
  const next = toCursor(fresh.at(-1) ?? boots[place], cursor);
  const isSame = fresh.length === 0 && next?.id === cursor?.id && next?.outcome === cursor?.outcome;
  return isSame ? saved : { subject, totals, cursor: next };
}

function toCursor(boot: Boot | undefined, otherwise: Section['cursor']): Section['cursor'] {
  if (boot === undefined) return otherwise;
  const { id, pid, startedMs, outcome, isConfigReload } = boot;
  return { id, pid, startedMs, outcome, isConfigReload };
}
