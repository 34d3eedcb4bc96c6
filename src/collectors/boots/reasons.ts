import type { BootReason } from '../../lib/vocabulary.ts';
import type { Boot } from './source/boots.ts';

const BREAKER = 'gateway.crash_loop_breaker';
const RECOVERED = 'gateway.crash_loop_recovered';

const BY_OUTCOME: Readonly<Record<string, BootReason>> = {
  clean_stop: 'clean_stop',
  planned_restart: 'planned_restart',
  forced_stop: 'forced_stop',
  startup_failed: 'startup_failed',
  startup_failure_repaired: 'startup_failed',
};

/** The boot before another one, as it is known: its row may be gone. */
export type EarlierBoot = Pick<Boot, 'pid' | 'outcome' | 'isConfigReload'>;

/**
 * Why a boot happened: how the one before it ended. `isKept`: the row of the one before is
 * still there, so that a missing end means that it was killed or crashed; a gateway deletes
 * rows after a day, with their ends.
 */
export function findReason(boot: Boot, before: EarlierBoot | undefined, isKept: boolean): BootReason {
  if (boot.startupReason === BREAKER) return 'crash_loop_breaker';
  if (before === undefined) return 'first';
  if (before.outcome === 'planned_restart' && before.isConfigReload) return 'config_restart';
  if (before.outcome !== null) return BY_OUTCOME[before.outcome] ?? 'other';
  if (isKept) return 'unclean';
  // The same process went on, so it restarted itself.
  return before.pid === boot.pid ? 'planned_restart' : 'other';
}

/**
 * Whether a row is no boot: a gateway in safe mode that was stable for long enough goes on under a new row.
 */
export function isContinuation(boot: Boot, before: EarlierBoot | undefined): boolean {
  return (
    boot.startupReason === RECOVERED && before?.outcome === 'safe_mode_stable' && before.pid === boot.pid
  );
}

/** Whether the newest boot runs in safe mode: its breaker has tripped since it last recovered. */
export function isSafeMode(boots: readonly Boot[]): boolean {
  const marks = boots.filter(({ startupReason }) => startupReason === BREAKER || startupReason === RECOVERED);
  const hasEnded = (boots.at(-1)?.outcome ?? null) !== null;
  return !hasEnded && marks.at(-1)?.startupReason === BREAKER;
}
