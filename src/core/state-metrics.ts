import { gauge } from '../metrics/family.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { StateHealth } from '../state/state-file.ts';

const saved = gauge(
  'openclaw_exporter_state_saved',
  'Whether totals that must survive a restart can be kept under the storage path; at 0 the counters of cron runs and process restarts stand still.',
  {
    meaning: {
      absent: 'never',
      zero: 'the storage path is full, not writable, on a disk that does not answer, or used by another exporter; the log says which',
      one: 'the last attempt succeeded',
    },
  },
);

/** The metrics of the state file's health; to be given to it as its observer. */
export function stateMetrics(metrics: Metrics): (health: StateHealth) => void {
  metrics.declare([saved]);
  const corruptions = metrics.counter({
    name: 'openclaw_exporter_state_corruptions_total',
    help: 'State files, or sections of one, that could not be understood since this exporter started; they were set aside and their totals start anew.',
  });
  let counted = 0;
  return (health) => {
    corruptions.inc(health.corruptions - counted);
    counted = health.corruptions;
    metrics.put({ collector: 'exporter', target: 'state' }, [saved.sample(health.saved ? 1 : 0, {})]);
  };
}
