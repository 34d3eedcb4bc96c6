import { resolve } from 'node:path';
import { expandHome } from '../../../../lib/paths.ts';
import { DEFAULT_ERROR, DEFAULT_SUCCESS } from './default-rule.ts';
import type { LogRule } from './rules.ts';

/** Logs of one kind: where they are and how their lines are understood. */
export interface CronLogRule extends LogRule {
  /** A glob; `~` is the home folder, a relative one begins at the working folder. */
  readonly path: string;
  /** How often the job is expected to run, milliseconds; undefined: not known. */
  readonly interval?: number | undefined;
}

/** A configured rule; what it leaves out is the default. */
export function completeRule(rule: ConfiguredRule): CronLogRule {
  const { success = DEFAULT_SUCCESS, error = DEFAULT_ERROR } = rule;
  return { ...rule, success, error };
}

/** A rule as the configuration has it. */
export type ConfiguredRule = Omit<CronLogRule, 'success' | 'error'> & {
  readonly success?: RegExp | undefined;
  readonly error?: RegExp | undefined;
};

/** The logs that are asked for. */
export interface AskedLogs {
  /** Absolute. */
  readonly globs: readonly string[];
  /** Of each glob. */
  readonly rules: readonly CronLogRule[];
}

/** Bounds on what a look may cost. */
export interface CronLogLimits {
  /** Logs; the rest is told as a problem. */
  readonly files: number;
  /** Below this many files a look at each of them costs less than watching. */
  readonly watchFrom: number;
  /** Of one log at the first look. */
  readonly firstBytes: number;
  /** Of one log that appears later; what stands before its last so many bytes is not counted. */
  readonly newBytes: number;
  /** Of all logs in one round; the rest waits for the next one. */
  readonly roundBytes: number;
  readonly roundRuns: number;
  /** How long files are read in one round, milliseconds. */
  readonly roundMs: number;
  /**
   * How long one rule's patterns may take in one round where they are no plain words,
   * milliseconds; then its lines wait.
   */
  readonly ruleMs: number;
}

/** The bounds of an exporter whose configuration says nothing else. */
export const LOG_LIMITS: CronLogLimits = {
  files: 20_000,
  watchFrom: 1000,
  firstBytes: 1024 * 1024,
  newBytes: 64 * 1024 * 1024,
  roundBytes: 64 * 1024 * 1024,
  roundRuns: 20_000,
  roundMs: 4000,
  ruleMs: 1000,
};

const DEFAULT_GLOBS = ['workspace/*/cron-*.log', 'workspace-*/*/cron-*.log'];
const DEFAULT_RULE: CronLogRule = { path: '', success: DEFAULT_SUCCESS, error: DEFAULT_ERROR };

/** The logs that the configuration names; without any, `cron-*.log` one level below the workspaces. */
export function askedLogs(
  rules: readonly CronLogRule[] | undefined,
  { home, stateDir }: { readonly home: string; readonly stateDir: () => string },
): AskedLogs {
  if (rules === undefined) {
    const globs = DEFAULT_GLOBS.map((glob) => `${stateDir()}/${glob}`);
    return { globs, rules: globs.map(() => DEFAULT_RULE) };
  }
  return { globs: rules.map(({ path }) => resolve(expandHome(path, home))), rules };
}
