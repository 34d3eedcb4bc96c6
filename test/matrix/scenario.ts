import type { Picture } from './picture.ts';
import type { World } from './world.ts';

/** Verdicts by name, as `changesBetween` writes them. */
type Expected = Readonly<Record<string, string>>;

/** One fault (or pair) of the catalogue, played on a running world that is well. */
export interface Scenario {
  /** What `npm run matrix -- ID` calls it: rows of the fault catalogue, joined by `+` for a pair. */
  readonly id: string;
  /** Further rows that it plays too. */
  readonly also?: readonly string[];
  /** What is done to the world, in words. */
  readonly fault: string;
  /** What of it is not real, and why. */
  readonly standIn?: string;
  /** Brings the world to where the fault is a fault; nothing of it may fire. */
  readonly prepare?: (world: World) => Promise<void>;
  readonly inject: (world: World) => Promise<void>;
  /**
   * Every verdict that differs from the healthy picture, as `changesBetween` writes it. No other
   * may. `gone`: there are none.
   */
  readonly metrics: Expected | 'gone' | ((healthy: Picture) => Expected);
  /** Counters, as in an exposition, that rise. */
  readonly counts?: readonly string[];
  /** Further series, as in an exposition, and what they show while the fault lasts. */
  readonly shows?: Readonly<Record<string, number>>;
  /** Alerts that fire while the fault lasts, as `severity Name`. */
  readonly alerts: readonly string[];
  /** Alerts that come with the repair. */
  readonly afterwards?: readonly string[];
  /** Alerts that may fire too, each with its reason. */
  readonly tolerated?: Readonly<Record<string, string>>;
  /** Incidents that page, each once. */
  readonly pages: readonly string[];
  /** How long the fault lasts after all of that was seen, milliseconds; what must not come has its chance. */
  readonly holdMs?: number;
  readonly repair: (world: World) => Promise<void>;
  /** Verdicts that stay as the fault left them (a removed job), instead of the healthy picture. */
  readonly leaves?: Readonly<Record<string, string>>;
  /**
   * Alerts that go on after the repair because a range remembers; they must be gone
   * at the end of all scenarios.
   */
  readonly remembered?: readonly string[];
  /** Takes back what `prepare` did. */
  readonly cleanup?: (world: World) => Promise<void>;
  /** Further conditions, at the end. */
  readonly check?: (world: World) => Promise<void> | void;
}

/**
 * How a scenario went; times in seconds after the injection, undefined where it
 * never came or was not expected.
 */
export interface Result {
  readonly id: string;
  readonly also: readonly string[];
  readonly fault: string;
  readonly standIn: string;
  readonly metric?: number | undefined;
  readonly alert?: number | undefined;
  readonly page?: number | undefined;
  readonly alerts: readonly string[];
  readonly pages: readonly string[];
  readonly falsePages: readonly string[];
  /** The whole scenario, all clear included. */
  readonly total: number;
  /** What was not as expected; empty for a scenario that holds. */
  readonly misses: readonly string[];
}
