import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { expectCleanExposition } from '../support/clean-exposition.ts';
import { addJobs, type CronJobs } from '../support/cron-jobs.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, type Series, sampleOf, stateOf } from '../support/exposition.ts';
import { GatewayHome, newToken, refusedAttempts, VERSIONS } from '../support/openclaw.ts';
import { Prometheus } from '../support/prometheus.ts';
import { expectNoSecretShown, keepOutput } from '../support/secrets.ts';
import { closeListener, startStandIn, startStranger } from '../support/stand-in.ts';

const CONFIG = {
  cron: { publish_delay: '1s' },
  collectors: {
    process: { interval: '2s' },
    ping: { interval: '2s' },
    token: { interval: '2s' },
    api: { interval: '2s' },
    cron: { interval: '2s' },
  },
};

const up = (series: readonly Series[]) => sampleOf(series, 'openclaw_gateway_up');
const state = (series: readonly Series[]) => stateOf(series, 'openclaw_gateway_state', 'state');
const processUp = (series: readonly Series[]) => sampleOf(series, 'openclaw_gateway_process_up');
const listenerUp = (series: readonly Series[]) => sampleOf(series, 'openclaw_gateway_listener_up');
const restarts = (series: readonly Series[]) =>
  sampleOf(series, 'openclaw_gateway_process_restarts_total') ?? Number.NaN;
const tokenMatch = (series: readonly Series[]) => sampleOf(series, 'openclaw_gateway_token_match');
const functionUp = (series: readonly Series[]) =>
  sampleOf(series, 'openclaw_gateway_function_up', { function: 'sessions_list' });
const processState = (series: readonly Series[]) =>
  stateOf(series, 'openclaw_gateway_process_state', 'state');

describe.each(VERSIONS)('beside a real gateway %s', (version) => {
  const token = newToken();
  let home: GatewayHome;
  let gateway: Child;
  let exporter: Exporter;
  let prometheus: Prometheus;
  let jobs: CronJobs;

  const cronSource = version === '2026.5.7' ? 'jsonl' : 'sqlite';
  const cronSeen = (series: readonly Series[]) =>
    sampleOf(series, 'openclaw_cron_source_up', { source: cronSource });
  const runs = (series: readonly Series[], id: string, status: string) =>
    sampleOf(series, 'openclaw_cron_runs_total', { cron_job_id: id, status });
  const healthy = (series: readonly Series[]) =>
    up(series) === 1 && tokenMatch(series) === 1 && functionUp(series) === 1;
  const clean = () => expectCleanExposition(exporter, prometheus);
  const untilHealthy = () => exporter.untilMetrics('every layer to be healthy', healthy, 60_000);

  beforeAll(async () => {
    home = await GatewayHome.create(version);
    home.configure(token);
    ({ gateway, jobs } = await addJobs(home, token));
    exporter = await Exporter.start({ env: home.env, config: CONFIG });
    prometheus = await Prometheus.start(exporter.port);
  });

  afterAll(async () => {
    await exporter?.stop();
    await prometheus?.stop();
    await gateway?.end('SIGKILL');
    exporter?.remove();
    home?.remove();
    expectNoSecretShown();
  });

  it('shows every layer healthy', async () => {
    const everySource = (all: readonly Series[]) => {
      expect(healthy(all)).toBe(true);
      expect(processUp(all)).toBe(1);
      expect(sampleOf(all, 'openclaw_gateway_processes')).toBe(1);
      expect(listenerUp(all)).toBe(1);
      expect(cronSeen(all)).toBe(1);
      expect(state(all)).toBe('up');
      expect(sampleOf(all, 'openclaw_gateway_ready')).toBe(1);
      expect(sampleOf(all, 'openclaw_gateway_last_ping_duration_seconds', { phase: 'http' })).toBeGreaterThan(
        0,
      );
      expect(matching(all, 'openclaw_gateway_info')).toHaveLength(1);
      expect(matching(all, 'openclaw_gateway_info', { version })).toHaveLength(1);
    };
    await exporter.untilShown('every source to be healthy', everySource, 60_000);
    await clean();
  });

  it('counts the runs of a job that succeeds and of one that fails', async () => {
    const status = (all: readonly Series[], id: string) =>
      stateOf(all, 'openclaw_cron_last_run_status', 'status', { cron_job_id: id });
    await exporter.untilShown(
      'both jobs to be counted',
      (all) => {
        expect(runs(all, jobs.succeeding, 'ok')).toBeGreaterThanOrEqual(2);
        expect(runs(all, jobs.failing, 'error')).toBeGreaterThanOrEqual(1);
        expect(status(all, jobs.succeeding)).toBe('ok');
        expect(status(all, jobs.failing)).toBe('error');
      },
      90_000,
    );
    await clean();
  });

  it('takes the series of a removed job away', async () => {
    await jobs.remove(jobs.failing);
    const series = await exporter.untilMetrics(
      'the removed job to go',
      (all) => matching(all, 'openclaw_cron_job_enabled', { cron_job_id: jobs.failing }).length === 0,
    );
    expect(matching(series, 'openclaw_cron_job_enabled', { cron_job_id: jobs.succeeding })).toHaveLength(1);
    await clean();
  });

  it('calls a stopped process hung, not down (G2)', async () => {
    gateway.signal('SIGSTOP');
    await exporter.untilShown('the gateway to be hung', (all) => {
      expect(state(all)).toBe('hung');
      expect(up(all)).toBe(0);
      expect(processUp(all)).toBe(1);
      expect(processState(all)).toBe('stopped');
      expect(cronSeen(all)).toBe(1);
    });
    await clean();
    gateway.signal('SIGCONT');
    await untilHealthy();
  });

  it('calls a killed gateway refused and drops its token verdict (G1)', async () => {
    await gateway.end('SIGKILL');
    await exporter.untilShown('the gateway to be down', (all) => {
      expect(state(all)).toBe('refused');
      expect(up(all)).toBe(0);
      expect(processUp(all)).toBe(0);
      expect(sampleOf(all, 'openclaw_gateway_processes')).toBe(0);
      expect(tokenMatch(all)).toBeUndefined();
      expect(functionUp(all)).toBeUndefined();
      expect(cronSeen(all)).toBe(1);
    });
    await clean();
  });

  it('counts its return as one restart (G6)', async () => {
    const before = restarts(await exporter.series());
    gateway = await home.startReady();
    const oneRestart = (all: readonly Series[]) => expect(restarts(all)).toBe(before + 1);
    await untilHealthy();
    await exporter.untilShown('one restart', oneRestart);
    await clean();
  });

  it('sees another token at once and asks no more than the limit (T1)', async () => {
    await gateway.end('SIGTERM');
    gateway = await home.startReady(newToken());
    const mismatch = (all: readonly Series[]) => {
      expect(tokenMatch(all)).toBe(0);
      expect(up(all)).toBe(1);
      expect(functionUp(all)).toBeUndefined();
      expect(cronSeen(all)).toBe(1);
    };
    await exporter.untilShown('the mismatch', mismatch, 60_000);
    expect(refusedAttempts(gateway)).toBeGreaterThan(0);
    expect(refusedAttempts(gateway)).toBeLessThanOrEqual(3);
    await clean();
    await gateway.end('SIGKILL');
    await exporter.untilMetrics('the gateway to be down', (all) => processUp(all) === 0);
  });

  it('tells a process that lost its listener from one that is down (G3)', async () => {
    const standIn = await startStandIn(version, home.port, home.env);
    await exporter.untilMetrics(
      'the stand-in to be seen',
      (all) => processUp(all) === 1 && listenerUp(all) === 1,
    );
    await closeListener(standIn);
    await exporter.untilShown('the listener to be gone', (all) => {
      expect(listenerUp(all)).toBe(0);
      expect(processUp(all)).toBe(1);
      expect(state(all)).toBe('refused');
      expect(up(all)).toBe(0);
      expect(tokenMatch(all)).toBeUndefined();
    });
    await clean();
    await standIn.end();
  });

  it('calls a stranger on the port foreign and never sends it the token (G4)', async () => {
    const stranger = await startStranger(home.port);
    await exporter.untilShown('the stranger', (all) => {
      expect(state(all)).toBe('foreign');
      expect(up(all)).toBe(0);
      expect(tokenMatch(all)).toBeUndefined();
    });
    const attempts = await exporter.untilMetrics(
      'token checks to be held back for several rounds',
      (all) =>
        (sampleOf(all, 'openclaw_exporter_collector_runs_total', { collector: 'token', result: 'ok' }) ?? 0) >
        5,
    );
    expect(attempts.length).toBeGreaterThan(0);
    await clean();
    await stranger.end();
    expect(stranger.output).toContain('/healthz');
    keepOutput('what the stranger was sent', stranger.output);
  });

  it('says that cron storage is unreadable and keeps the other layers (C7)', async () => {
    gateway = await home.startReady();
    await untilHealthy();
    await gateway.end('SIGTERM');
    const folder = join(home.stateDir, version === '2026.5.7' ? 'cron' : 'state');
    renameSync(folder, `${folder}.away`);
    writeFileSync(folder, 'not a folder');
    await exporter.untilShown('the source to be lost and the gateway to be down', (all) => {
      expect(cronSeen(all)).toBe(0);
      expect(state(all)).toBe('refused');
      expect(processUp(all)).toBe(0);
      expect(sampleOf(all, 'openclaw_exporter_collector_up', { collector: 'process' })).toBe(1);
      expect(sampleOf(all, 'openclaw_exporter_collector_up', { collector: 'ping' })).toBe(1);
    });
    await clean();
  });
});
