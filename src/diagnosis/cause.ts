import { COLLECTOR_LIST } from '../collectors/index.ts';
import type { Cause, Evidence, Verdict } from '../core/collector.ts';
import { countsForLayer, decides, overallVerdict } from '../core/verdict.ts';
import { LAYERS, type Layer } from '../lib/vocabulary.ts';
import { CAUSES, type CauseRow, findExplanations, statesFact } from './causes.ts';

/** What a diagnosis is made from: the evidence of each target. */
export interface Seen {
  readonly evidence: readonly Evidence[];
  /** Why the exporter could not collect, when it could not. */
  readonly blind?: string;
  /** Name of the collector. */
  readonly collector?: string;
}

/** What an incident most likely comes from. */
export interface LikeliestCause {
  readonly cause: Cause;
  /** The evidence for it, the next repair step included. */
  readonly evidence: Evidence;
  /** The fault that it explains, where it is not the fault itself. */
  readonly explains?: Evidence;
}

/** All evidence, judged as a whole. */
export interface Diagnosis {
  readonly verdict: Verdict;
  /** Undefined where nothing is wrong. */
  readonly likeliest: LikeliestCause | undefined;
  /** Verdicts of the layers that have evidence. */
  readonly layers: ReadonlyMap<Layer, Verdict>;
  /** Targets that the exporter could not collect. */
  readonly blind: number;
}

/** What is wrong at the same time: at most one of each cause, each with how bad it is. */
export type CurrentIncident = LikeliestCause & { readonly severity: 'warning' | 'critical' };

/** A warning about a remote path explains nothing that is not proved otherwise, so it comes last. */
const WARNING_ORDER: readonly CauseRow[] = [
  ...CAUSES.filter(({ cause }) => cause !== 'network'),
  ...CAUSES.filter(({ cause }) => cause === 'network'),
];

/** The verdict over all evidence and the likeliest cause of what is wrong; planned maintenance is neither. */
export function diagnose(seen: readonly Seen[]): Diagnosis {
  const all = seen.flatMap(({ evidence }) => evidence.filter(decides));
  const layers = new Map<Layer, Verdict>();
  for (const layer of LAYERS) {
    const its = all.filter((one) => one.layer === layer && countsForLayer(one));
    if (its.length > 0) layers.set(layer, overallVerdict(its.map(({ verdict }) => verdict)));
    // What is configured and could not be collected is unknown.
    else if (seen.some((one) => one.blind !== undefined && findLayer(one) === layer))
      layers.set(layer, 'unknown');
  }
  const bad = all.filter(({ verdict }) => verdict === 'bad');
  const warnings = all.filter(({ verdict }) => verdict === 'warning');
  return {
    verdict: overallVerdict(layers.values()),
    likeliest: findCause(CAUSES, bad, [...bad, ...warnings]) ?? findCause(WARNING_ORDER, warnings, warnings),
    layers,
    blind: seen.filter(({ blind }) => blind !== undefined).length,
  };
}

/** Everything that is wrong, by cause; what another fault explains belongs to the incident of that fault. */
export function findIncidents(seen: readonly Seen[]): ReadonlyMap<Cause, CurrentIncident> {
  const all = seen.flatMap(({ evidence }) => evidence.filter(decides));
  const bad = all.filter(({ verdict }) => verdict === 'bad');
  const warnings = all.filter(({ verdict }) => verdict === 'warning');
  const found = new Map<Cause, CurrentIncident>();
  const add = (severity: CurrentIncident['severity'], evidence: readonly Evidence[]) => {
    for (const cause of new Set(CAUSES.map((row) => row.cause))) {
      const rows = CAUSES.filter((row) => row.cause === cause);
      const likeliest = findCause(rows, evidence, [...bad, ...warnings]);
      if (likeliest !== undefined && !found.has(likeliest.cause))
        found.set(likeliest.cause, { ...likeliest, severity });
    }
  };
  add('critical', bad);
  add('warning', warnings);
  return found;
}

/** The layer that a collector is about; undefined for an unknown one. */
export function findLayer({ collector }: Pick<Seen, 'collector'>): Layer | undefined {
  return COLLECTOR_LIST.find(({ name }) => name === collector)?.layer;
}

/** The first row of which there is evidence, or else what explains it: a fact that is only a warning can. */
function findCause(
  order: readonly CauseRow[],
  evidence: readonly Evidence[],
  wrong: readonly Evidence[],
): LikeliestCause | undefined {
  for (const row of order) {
    const found = findEvidence(row, evidence);
    if (found === undefined) continue;
    for (const reason of findExplanations(row.fault)) {
      const explanation = findEvidence(reason, wrong);
      if (explanation !== undefined) return { cause: reason.cause, evidence: explanation, explains: found };
    }
    return { cause: row.cause, evidence: found };
  }
  return undefined;
}

/** Of several, one that names a repair step tells more. */
function findEvidence(row: CauseRow, evidence: readonly Evidence[]): Evidence | undefined {
  const fitting = evidence.filter((one) => statesFact(row, one));
  return fitting.find(({ repair }) => repair !== undefined) ?? fitting[0];
}
