import { gauge } from '../metrics/family.ts';
import type { Metrics } from '../metrics/metrics.ts';

const buildInfo = gauge(
  'openclaw_exporter_build_info',
  'Version of this exporter and of the Node it runs on; always 1.',
  {
    labels: ['version', 'node_version'],
    meaning: { absent: 'never', one: 'always' },
  },
);
const reloadSuccessful = gauge(
  'openclaw_exporter_config_last_reload_successful',
  'Whether the last attempt to load the configuration succeeded; at 0 the configuration before it goes on.',
  { meaning: { absent: 'never', zero: 'the file has a mistake; see the log', one: 'the file is in force' } },
);
const reloadSuccessTime = gauge(
  'openclaw_exporter_config_last_reload_success_timestamp_seconds',
  'When the configuration in force was loaded, as Unix time.',
  { meaning: { absent: 'never' } },
);

/** Shows which exporter this is. */
export function buildMetrics(metrics: Metrics, version: string): void {
  metrics.declare([buildInfo]);
  const labels = { version, node_version: process.version };
  metrics.put({ collector: 'exporter', target: 'build' }, [buildInfo.sample(1, labels)]);
}

/** Shows how loading the configuration goes: the result is told each outcome, with the Unix time in seconds. */
export function reloadMetrics(metrics: Metrics): (successful: boolean, nowSeconds: number) => void {
  metrics.declare([reloadSuccessful, reloadSuccessTime]);
  let succeededAt = 0;
  return (successful, nowSeconds) => {
    if (successful) succeededAt = nowSeconds;
    metrics.put({ collector: 'exporter', target: 'reload' }, [
      reloadSuccessful.sample(successful ? 1 : 0, {}),
      reloadSuccessTime.sample(succeededAt, {}),
    ]);
  };
}

/** How a probe that `/probe` asked for ended: the label values of `openclaw_exporter_probes_total`. */
export const PROBE_RESULTS = ['success', 'failure', 'busy', 'blind'] as const;
/** One of {@link PROBE_RESULTS}. */
export type ProbeResult = (typeof PROBE_RESULTS)[number];

/** Counts the probes that `/probe` asked for, by their end. */
export function probeMetrics<M extends string>(
  metrics: Metrics,
  modules: readonly M[],
): (module: M, result: ProbeResult) => void {
  const probes = metrics.counter({
    name: 'openclaw_exporter_probes_total',
    help: 'Answers of /probe by their end: success, failure (the target is down), busy (no time was left for a verdict), blind (the exporter itself could not look).',
    labelNames: ['module', 'result'],
  });
  for (const module of modules) for (const result of PROBE_RESULTS) probes.inc({ module, result }, 0);
  return (module, result) => probes.inc({ module, result });
}
