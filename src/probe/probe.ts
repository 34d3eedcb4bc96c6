import type { Evidence } from '../core/collector.ts';
import type { Family, Sample } from '../metrics/family.ts';

/** How one probe ended. Down is an answer: `seen`, without success. */
export type ProbeOutcome =
  | {
      readonly state: 'seen';
      readonly success: boolean;
      readonly samples: readonly Sample[];
      readonly evidence: readonly Evidence[];
    }
  /** No verdict in the time there was. */
  | { readonly state: 'busy'; readonly reason: string }
  /** The exporter itself could not look. */
  | { readonly state: 'blind'; readonly reason: string };

/** The time a caller gives, in milliseconds. */
export interface Patience {
  readonly budgetMs: number;
  /** Monotonic: when the budget is used up. */
  readonly deadlineMs: number;
}

/** One thing that can be probed. */
export interface ProbeTarget {
  /** Labels for service discovery. */
  readonly labels: Readonly<Record<string, string>>;
  /** Looks, or joins a look that is under way. Never rejects. */
  probe(patience: Patience): Promise<ProbeOutcome>;
}

/** All targets of one kind, by name. */
export interface ProbeModule {
  readonly families: readonly Family<string>[];
  readonly targets: ReadonlyMap<string, ProbeTarget>;
}
