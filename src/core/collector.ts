import type { Fault } from '../lib/faults.ts';
import type { Family, Sample } from '../metrics/family.ts';

/** The five layers of the article, plus what only this exporter knows of itself. */
export const LAYERS = ['process', 'answers', 'token', 'cron', 'network'] as const;
/** One of {@link LAYERS}. */
export type Layer = (typeof LAYERS)[number];

/** `unknown` is for what could not be seen; it is never painted as bad. */
export type Verdict = 'ok' | 'warning' | 'bad' | 'unknown';

/** What an incident comes from, in the terms of the recorded series `instance_cause:openclaw_incident:max`. */
export type Cause = 'network' | 'process' | 'authentication' | 'partial-failure' | 'cron';

/** Why a verdict is what it is, in words for the status page and `check`. Never a token or a home folder's path. */
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

/** One thing a collector looks at: a gateway, a host, a source. */
export interface Target {
  /** Unique within its collector; appears in logs. */
  readonly name: string;
  /** After this many milliseconds the look is cut and counts as `blind`; shorter than the collector's. */
  readonly timeoutMs: number;
  /** Looks once. Every child process, socket and file it opens ends with `signal`. May throw: that is `blind`. */
  collect(signal: AbortSignal): Promise<Observation>;
}

/** One question about gateways; one file a collector. */
export interface Collector {
  /** As in the configuration's `collectors` and the label `collector`. */
  readonly name: string;
  /** From the start of a round to that of the next, milliseconds; the scheduler spreads it by a tenth. */
  readonly intervalMs: number;
  /** After this many milliseconds a round is cut, whatever its targets' own timeouts; at most the interval. */
  readonly timeoutMs: number;
  /** The snapshot metrics this collector owns. */
  readonly families: readonly Family<string>[];
  /** What to look at in this round; asked anew each round. A target that is no longer named loses its snapshot. */
  targets(): readonly Target[];
  /** Releases watchers and the like. */
  close?(): Promise<void>;
}
