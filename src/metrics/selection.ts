import type { Metric } from './family.ts';
import type { SnapshotKey } from './snapshot.ts';

/** The part of an exposition that a scrape asks for. */
export interface Selection {
  /** Whether the target's samples of `metric` are shown. */
  readonly includesSamples: (metric: Metric<string>, key: SnapshotKey) => boolean;
  /** Whether this series of a counter or histogram that starts at 0 with the exporter is shown. */
  readonly includesSeries: (
    metric: Metric<string>,
    labels: Readonly<Record<string, string | number | undefined>>,
  ) => boolean;
}
