import type { Fault } from '../lib/faults.ts';
import type { Layer } from '../lib/vocabulary.ts';
import type { Metric, Sample } from '../metrics/family.ts';

/** `unknown` is for what could not be seen; it is never painted as bad. */
export type Verdict = 'ok' | 'warning' | 'bad' | 'unknown';

/**
 * What an incident comes from, in the terms of the recorded series `instance_cause:openclaw_incident:max`.
 */
export type Cause = 'network' | 'process' | 'authentication' | 'partial-failure' | 'cron';

/**
 * Why a verdict is what it is, in words for the status page and `check`. Never a
 * token or a home folder's path.
 */
export interface Evidence {
  readonly layer: Layer;
  /** What the words are about: a gateway address, a job, a host. */
  readonly subject: string;
  readonly verdict: Verdict;
  readonly text: string;
  /** The next repair step, as a command or a sentence; only with `warning` and `bad`. */
  readonly repair?: string;
  /** What it points to, where its layer alone does not tell. */
  readonly cause?: Cause;
  /** What it states, for the table of causes and the repair steps; without it the layer decides. */
  readonly fault?: Fault;
  /** The process that the fault is about: the stopped gateway, the holder of its port, a second gateway. */
  readonly pid?: number;
  /** Only with `ok`: worth knowing and no fault yet, such as the first failure of a frequent job. */
  readonly note?: true;
  /** What the other side itself said, redacted; for `check`, and for pages behind authentication only. */
  readonly detail?: string;
  /**
   * Only with `ok`: it cannot make its layer ok, as free disk space says nothing of a
   * process that cannot be seen.
   */
  readonly incidental?: true;
  /** Only with `unknown`: there is nothing to observe here, which is neither good nor bad. */
  readonly unconfigured?: true;
  /** People declared it, such as maintenance: it is shown beside the layers and decides nothing. */
  readonly planned?: true;
}

/**
 * What a look at a target gave. Down is an answer: a dead or hanging target is `seen`, with a verdict of 0.
 * `blind` is for when the exporter itself could not look; the target's gauges then disappear.
 */
export type Observation =
  | { readonly kind: 'seen'; readonly samples: readonly Sample[]; readonly evidence: readonly Evidence[] }
  | { readonly kind: 'blind'; readonly reason: string; readonly evidence: readonly Evidence[] };

/** Nothing is to be seen, and that is as it should be. */
export const NOTHING_SEEN = { kind: 'seen', samples: [], evidence: [] } as const satisfies Observation;

/** One thing a collector looks at: a gateway, a host, a source. */
export interface Target {
  /** Unique within its collector; appears in logs. */
  readonly name: string;
  /**
   * After this many milliseconds the collection is cancelled and counts as `blind`;
   * shorter than the collector's.
   */
  readonly timeoutMs: number;
  /**
   * Collects once. Every child process, socket and file it opens ends with
   * `signal`. May throw: that is `blind`.
   */
  collect(signal: AbortSignal): Promise<Observation>;
}

/** What a collector's descriptor creates. Its constructor only stores: it acts from `start` on. */
export interface CollectorRunner {
  /** Called once, before the first run, when the collector's metrics are declared. */
  start?(): void;
  /** The targets of this run; called on each run. A target that is no longer named loses its snapshot. */
  targets(): readonly Target[];
  /** Releases watchers and the like, after the last run has settled. */
  close?(): Promise<void>;
}

/** A collector with its settings, as the scheduler runs it. */
export interface Collector extends CollectorRunner {
  /** As in the configuration's `collectors` and the label `collector`. */
  readonly name: string;
  /** From the start of a run to that of the next, milliseconds, before the scheduler's jitter. */
  readonly intervalMs: number;
  /** Timeout of a whole run, milliseconds, whatever its targets' own timeouts; at most the interval. */
  readonly timeoutMs: number;
  readonly metrics: readonly Metric<string>[];
}
