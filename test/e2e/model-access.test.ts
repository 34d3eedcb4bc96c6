import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleFiles } from '../../prometheus/source/render.ts';
import { ruleGroups } from '../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../prometheus/source/thresholds.ts';
import { AlertingPrometheus } from '../matrix/prometheus.ts';
import { Alertmanager } from '../support/alertmanager.ts';
import type { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, sampleOf } from '../support/exposition.ts';
import { HttpRecorder } from '../support/http-recorder.ts';
import { leave } from '../support/leave.ts';
import { GatewayHome, newToken, type Version } from '../support/openclaw.ts';
import {
  answerAsProvider,
  type ModelName,
  moveToSpare,
  PROVIDER,
  type ProviderJobs,
  planNow,
  providerSettings,
  storeProviderJobs,
} from '../support/provider-jobs.ts';
import { until } from '../support/until.ts';

const ALERTMANAGER_CONFIG = join(import.meta.dirname, '..', '..', 'prometheus', 'alertmanager.yml');
/** Divides the times of cron's rules and of Alertmanager; a gateway's own times stay. */
const ACCELERATION = 10;
const RUN_MS = 840_000;
/** As `cron_many_jobs` of the rules. */
const MANY_JOBS = 3;
/** A key that is no longer valid, an empty account and too many requests. */
const REFUSING: ProviderJobs = { models: ['m401', 'm402', 'm429'], jobsPerModel: 10 };
/** Too many requests, of one client or of all: nothing that a renewed key repairs. */
const OVERLOADED: ProviderJobs = { models: ['m429', 'm503', 'm529'], jobsPerModel: 4 };
interface Case {
  readonly version: Version;
  readonly what: string;
  readonly jobs: ProviderJobs;
  /** Reasons that are counted at least once each. */
  readonly reasons: readonly string[];
}
const CASES: readonly Case[] = [
  { version: '2026.9.6', what: 'is too busy for', jobs: OVERLOADED, reasons: ['rate_limit', 'overloaded'] },
  { version: '2026.9.6', what: 'refuses', jobs: REFUSING, reasons: ['auth'] },
  { version: '2026.5.7', what: 'refuses', jobs: REFUSING, reasons: ['auth'] },
];
const SECOND = { interval: '1s' };
const CONFIG = { cron: { publish_delay: '1s' }, collectors: { cron: SECOND, ping: SECOND, process: SECOND } };

/** As by default, with the times of what is waited for here divided. */
function fasterThresholds() {
  const { cron_many_for, cron_error_shown_for, ...rest } = thresholdsSchema.parse({
    scrape_interval: '1s',
    evaluation_interval: '1s',
    lookback: '10s',
  });
  return {
    ...rest,
    cron_many_for: cron_many_for / ACCELERATION,
    cron_error_shown_for: cron_error_shown_for / ACCELERATION,
  };
}

describe.each(CASES)('jobs of gateway $version whose provider $what them', ({ version, jobs, reasons }) => {
  const count = jobs.models.length * jobs.jobsPerModel;
  const token = newToken();
  const repaired = new Set<ModelName>();
  const instance = `gateway-${version}`;
  let provider: HttpRecorder;
  let home: GatewayHome;
  let gateway: Child;
  let exporter: Exporter;
  let alertmanager: Alertmanager;
  let prometheus: AlertingPrometheus;

  const firing = async () =>
    (await prometheus.alerts()).filter(
      ({ state, labels }) => state === 'firing' && labels.instance === instance,
    );
  const openPages = () => alertmanager.openPages(instance);

  beforeAll(async () => {
    provider = await HttpRecorder.start(answerAsProvider(repaired));
    home = await GatewayHome.create(version);
    home.configure(token, providerSettings(provider.port));
    await storeProviderJobs(home, token, jobs);
    exporter = await Exporter.start({ env: home.env, config: CONFIG });
    alertmanager = await Alertmanager.start(ALERTMANAGER_CONFIG, {
      divideTimersBy: ACCELERATION,
      keepIntegrations: true,
    });
    const thresholds = fasterThresholds();
    prometheus = await AlertingPrometheus.start({
      exporterPort: exporter.port,
      ruleFiles: ruleFiles(ruleGroups(thresholds), thresholds).map(({ text }) => text),
      alertmanager: alertmanager.address,
      resendMs: 6_000,
      lookbackMs: 30_000,
    });
    await prometheus.rename(instance);
    gateway = await home.startPatiently();
  }, RUN_MS);

  afterAll(async () => {
    await prometheus?.stop();
    await alertmanager?.stop();
    await leave({ exporter, gateway, home }, 'SIGKILL');
    await provider?.stop();
  });

  it('are one page that names the provider, and no message of a single job', async ({ annotate }) => {
    const beganAt = Date.now();
    const elapsed = () => `${Math.round((Date.now() - beganAt) / 1000)} s`;
    await until(() => openPages().includes('model-access'), { what: 'the page', timeoutMs: RUN_MS });
    await annotate(`page after ${elapsed()}`);
    await exporter.untilShown(
      'every job to have failed',
      (series) => {
        // After the first refusals the gateway asks no more with that key: which reason the rest has differs.
        const sum = (name: string, labels = {}) =>
          matching(series, name, labels).reduce((total, { value }) => total + value, 0);
        expect(sum('openclaw_cron_provider_failing_jobs', { provider: PROVIDER })).toBe(count);
        // A gateway runs a job again soon after an error that may pass.
        const runs = sum('openclaw_cron_runs_total', { status: 'error' });
        expect(runs).toBeGreaterThanOrEqual(count);
        expect(sum('openclaw_cron_errors_total')).toBe(runs);
        expect(sampleOf(series, 'openclaw_cron_errors_total', { reason: 'unknown' })).toBe(0);
        for (const reason of reasons) {
          expect(sampleOf(series, 'openclaw_cron_errors_total', { reason })).toBeGreaterThan(0);
        }
      },
      RUN_MS,
    );
    await annotate(`all failed after ${elapsed()}`);
    expect(alertmanager.pages(instance).map(({ groupLabels }) => groupLabels.incident)).toEqual([
      'model-access',
    ]);
    const single = (await firing()).filter(({ labels }) => labels.incident === 'cron-failing');
    await annotate(`${single.length} jobs failed before that was one cause`);
    // Those that failed before so many had; what they are is information, and no message of their own follows.
    expect(single.length).toBeLessThan(2 * MANY_JOBS);
    expect(single.filter(({ labels }) => labels.severity !== 'info')).toEqual([]);
    const page = alertmanager.messages.find(({ receiver }) => receiver === 'page');
    await annotate(page?.title ?? 'no page');
    expect(page?.title).toContain(`Model provider ${PROVIDER} rejects the cron jobs`);
    expect(page?.title).toContain('Next: auth or billing: renew the credential');
    const about = alertmanager.about(instance);
    const list = about.map(({ receiver, groupLabels }) => `${receiver} ${groupLabels.incident}`);
    await annotate(`${about.length} notifications in all: ${list.join(', ')}`);
    expect(about.filter(({ receiver }) => receiver === 'chat')).toEqual([]);
    const status = await (await fetch(exporter.url('/'))).text();
    expect(status).toContain(`jobs fail because of the provider of their model: ${PROVIDER}`);
  });

  it.runIf(version === '2026.9.6' && jobs === REFUSING)(
    'are messages of single jobs again once most of them run and the rest still fails',
    async () => {
      repaired.add('m401').add('m402');
      await gateway.end('SIGTERM');
      moveToSpare(home, [...repaired]);
      planNow(home, [...repaired]);
      gateway = await home.startPatiently();
      await until(() => !openPages().includes('model-access'), {
        what: 'the end of the page',
        timeoutMs: RUN_MS,
      });
      await until(
        async () => {
          const alerts = (await firing()).filter(({ labels }) => labels.incident === 'cron-failing');
          const failing = new Set(alerts.map(({ labels }) => labels.cron_job));
          return failing.size === jobs.jobsPerModel && [...failing].every((job) => job?.startsWith('m429-'));
        },
        { what: 'alerts of the jobs that still fail', timeoutMs: 120_000, everyMs: 1_000 },
      );
      expect(alertmanager.pages(instance)).toHaveLength(1);
    },
  );
});
