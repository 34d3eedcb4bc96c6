import { PROBE_MODULES, PROBE_RESULTS, type ProbeModuleName, type ProbeResult } from '../lib/vocabulary.ts';
import { eventCounter, gauge } from '../metrics/family.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { StateHealth } from '../state/state-file.ts';

const buildInfo = gauge(
  'openclaw_exporter_build_info',
  'Version of this exporter and of the Node.js it runs on; always 1.',
  {
    labels: ['version', 'node_version'],
    meaning: { absent: 'never', one: 'always' },
  },
);
const externalUrlInfo = gauge(
  'openclaw_exporter_external_url_info',
  'URL under which this exporter and its runbooks can be opened; always 1. Alerts link to it.',
  {
    labels: ['url'],
    meaning: { absent: '`--web.external-url` is not set', one: 'always' },
  },
);
const reloadSuccessful = gauge(
  'openclaw_exporter_config_last_reload_successful',
  'Whether the last attempt to load the configuration succeeded; at 0 the previous configuration stays in force.',
  {
    meaning: { absent: 'never', zero: 'the file has a mistake; see the log', one: 'the file is in force' },
  },
);
const reloadSuccessTime = gauge(
  'openclaw_exporter_config_last_reload_success_timestamp_seconds',
  'When the configuration in force was loaded, as Unix time.',
  { meaning: { absent: 'never' } },
);
const stateSaved = gauge(
  'openclaw_exporter_state_saved',
  'Whether totals that must survive a restart can be saved under the storage path; at 0 the counters of cron runs and process restarts are not updated.',
  {
    meaning: {
      absent: 'never',
      zero: 'the storage path is full, not writable, on a disk that does not answer, or used by another exporter; the log says which',
      one: 'the last attempt succeeded',
    },
  },
);
const stateCorruptions = eventCounter(
  'openclaw_exporter_state_corruptions_total',
  'State files, or sections of one, that were corrupt and moved aside since this exporter started; their totals restart from zero.',
  { meaning: { absent: 'never', zero: 'the state was read as it was saved' } },
);
const probes = eventCounter(
  'openclaw_exporter_probes_total',
  'Answers of /probe by result: success, failure (the target is down), busy (no verdict in the time available), blind (the exporter itself failed).',
  {
    labels: ['module', 'result'],
    initial: PROBE_MODULES.flatMap((module) => PROBE_RESULTS.map((result) => ({ module, result }))),
    meaning: { absent: 'never', zero: 'no probe has ended like this' },
  },
);

/** What is exposed of the exporter as a whole. */
export const EXPORTER_METRICS = [
  stateSaved,
  buildInfo,
  externalUrlInfo,
  reloadSuccessful,
  reloadSuccessTime,
  stateCorruptions,
  probes,
];

/** The metrics of {@link EXPORTER_METRICS}: the exporter's build, configuration, state and probes. */
export class ExporterMetrics {
  readonly #metrics: Metrics;
  readonly #version: string;
  #reloadedAt = 0;
  #corruptions = 0;

  constructor(metrics: Metrics, version: string) {
    this.#metrics = metrics;
    this.#version = version;
  }

  /**
   * Declares the metrics and exposes the build and, where it is known, the external URL;
   * before anything is recorded.
   */
  start(externalUrl?: string | undefined): void {
    this.#metrics.declare(EXPORTER_METRICS);
    const labels = { version: this.#version, node_version: process.version };
    this.#metrics.put({ collector: 'exporter', target: 'build' }, [
      buildInfo.sample(1, labels),
      ...(externalUrl === undefined ? [] : [externalUrlInfo.sample(1, { url: externalUrl })]),
    ]);
  }

  /** Records an attempt to load the configuration; `nowSeconds` as Unix time. */
  recordReload(isSuccessful: boolean, nowSeconds: number): void {
    if (isSuccessful) this.#reloadedAt = nowSeconds;
    this.#metrics.put({ collector: 'exporter', target: 'reload' }, [
      reloadSuccessful.sample(isSuccessful ? 1 : 0, {}),
      reloadSuccessTime.sample(this.#reloadedAt, {}),
    ]);
  }

  /** Records how well the state is kept; bound, so that the state file can call it. */
  readonly recordState = ({ saved, corruptions }: StateHealth): void => {
    this.#metrics.increment(stateCorruptions, {}, corruptions - this.#corruptions);
    this.#corruptions = corruptions;
    this.#metrics.put({ collector: 'exporter', target: 'state' }, [stateSaved.sample(saved ? 1 : 0, {})]);
  };

  /** Counts a probe that `/probe` was asked for; bound. */
  readonly countProbe = (module: ProbeModuleName, result: ProbeResult): void => {
    this.#metrics.increment(probes, { module, result });
  };
}
