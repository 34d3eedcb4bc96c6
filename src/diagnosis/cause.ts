import { type Cause, type Evidence, LAYERS, type Layer, type Verdict } from '../core/collector.ts';
import { decides, overallVerdict } from '../core/verdict.ts';

/** What a diagnosis is made of: what the collectors said of each target. */
export interface Seen {
  readonly evidence: readonly Evidence[];
  /** Why the exporter could not look, when it could not. */
  readonly blind?: string;
}

/** What an incident most likely comes from, in the order in which layers explain each other. */
export interface LikeliestCause {
  readonly cause: Cause;
  /** What speaks for it, the next repair step included. */
  readonly evidence: Evidence;
}

/** All that is known, judged as a whole. */
export interface Diagnosis {
  readonly verdict: Verdict;
  /** Undefined where nothing is wrong. */
  readonly likeliest: LikeliestCause | undefined;
  /** Verdicts of the layers that something is known of. */
  readonly layers: ReadonlyMap<Layer, Verdict>;
  /** How many targets the exporter could not look at. */
  readonly blind: number;
}

interface Suspicion {
  readonly cause: Cause;
  readonly fits: (evidence: Evidence) => boolean;
}

/**
 * The article's order (network, authentication, partial failure), as far as a later cause can be explained by an earlier
 * one; the same as that of the recorded series `instance_cause:openclaw_incident:max`. An address that refuses or hangs
 * was reached, so its own process is to blame and not the network; a remote host that is away comes next, because
 * tokens and work on it fail with it.
 */
const PROVED: readonly Suspicion[] = [
  { cause: 'network', fits: ({ layer, cause }) => layer === 'answers' && cause === 'network' },
  { cause: 'process', fits: ({ layer, cause }) => isOwn(layer) && cause === undefined },
  { cause: 'network', fits: ({ layer }) => layer === 'network' },
  { cause: 'authentication', fits: ({ layer }) => layer === 'token' },
  { cause: 'partial-failure', fits: ({ cause }) => cause === 'partial-failure' },
  { cause: 'cron', fits: ({ layer }) => layer === 'cron' },
];

/** A complaint about a remote path explains nothing that is not proved otherwise, so it comes last. */
const COMPLAINTS: readonly Suspicion[] = [
  ...PROVED.filter(({ cause }) => cause !== 'network'),
  ...PROVED.filter(({ cause }) => cause === 'network'),
];

/** The verdict over everything that was seen, and the one likeliest cause of what is wrong; what is planned is neither. */
export function diagnose(seen: readonly Seen[]): Diagnosis {
  const all = seen.flatMap(({ evidence }) => evidence.filter(decides));
  const layers = new Map<Layer, Verdict>();
  for (const layer of LAYERS) {
    const its = all.filter((one) => one.layer === layer);
    if (its.length > 0) layers.set(layer, overallVerdict(its.map(({ verdict }) => verdict)));
  }
  return {
    verdict: overallVerdict(layers.values()),
    likeliest:
      firstOf(
        PROVED,
        all.filter(({ verdict }) => verdict === 'bad'),
      ) ??
      firstOf(
        COMPLAINTS,
        all.filter(({ verdict }) => verdict === 'warning'),
      ),
    layers,
    blind: seen.filter(({ blind }) => blind !== undefined).length,
  };
}

function isOwn(layer: Layer): boolean {
  return layer === 'process' || layer === 'answers';
}

/** Of several that fit, one that names a repair step tells more. */
function firstOf(order: readonly Suspicion[], evidence: readonly Evidence[]): LikeliestCause | undefined {
  for (const { cause, fits } of order) {
    const fitting = evidence.filter(fits);
    const found = fitting.find(({ repair }) => repair !== undefined) ?? fitting[0];
    if (found !== undefined) return { cause, evidence: found };
  }
  return undefined;
}
