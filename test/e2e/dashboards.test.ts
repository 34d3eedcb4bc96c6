import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../prometheus/source/main.ts';
import type { Child } from '../support/child.ts';
import { addCommand } from '../support/cron-jobs.ts';
import { placedQueries, substituted } from '../support/dashboards.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, type Series, sampleOf, totalOf } from '../support/exposition.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { Prometheus, type Stretch } from '../support/prometheus.ts';
import { tailscaleIn } from '../support/recorded-tailscale.ts';
import { expectNoSecretShown } from '../support/secrets.ts';
import { Sshd } from '../support/sshd.ts';
import { until } from '../support/until.ts';

const INSTANCE = 'mac-mini';
const VALUES = { instance: INSTANCE, host: '.*', job: '.*', __rate_interval: '5s' };
/** The rules wait and look back this much shorter. */
const DIVISOR = 30;
const OFTEN = { interval: '2s', timeout: '2s' };

/** What is worked out less often than the rest. */
const HISTORY = [
  'instance_cron_job:openclaw_cron_runs_success:ratio',
  'instance_cron_job:openclaw_cron_missed_runs:increase',
  'instance_cron_job:openclaw_cron_last_run_duration_seconds:p95',
];

/** Queries that may be empty beside a gateway that is well, each with the reason; `*` is every dashboard. */
const ONLY_IN_FAULTS: Readonly<Record<string, string>> = {
  '* / mark / Critical alerts': 'no alert',
  '* / mark / Warnings': 'no alert',
  'openclaw-overview / Firing alerts / A': 'no alert',
  'openclaw-gateway / mark / Restarts': 'no restart',
  'openclaw-cron / mark / Missed runs': 'no run was missed',
};

const NO_SERVICE = 'no service manager has a service for this gateway';

const TOO_SHORT = 'an objective is judged once most of a window was measured';

/**
 * Queries that may be empty on the machine of this test, whatever state the gateway
 * is in, each with the reason.
 */
const NOT_HERE: Readonly<Record<string, string>> = {
  'openclaw-gateway / Memory full in / A': 'memory need not grow',
  'openclaw-gateway / What holds / E': NO_SERVICE,
  'openclaw-gateway / Restarts / B': NO_SERVICE,
  'openclaw-gateway / Percentiles of /healthz / D': 'what is usual is known after an hour',
  'openclaw-gateway / The gateway’s own word, and what fails in it / B': 'nothing in the gateway fails',
  'openclaw-gateway / Boots by how the one before ended / A': 'no boot need follow another one',
  'openclaw-gateway / Channels connected / A': 'no channel is configured',
  'openclaw-gateway / Model credentials suspended / A': 'no credential is stored',
  'openclaw-gateway / Time until model credentials expire / A': 'no credential is stored',
  'openclaw-gateway / Availability / A': TOO_SHORT,
  'openclaw-gateway / Error budgets left / A': TOO_SHORT,
  'openclaw-gateway / Error budgets over time / A': TOO_SHORT,
  'openclaw-gateway / Burn rate of availability / A': TOO_SHORT,
  'openclaw-gateway / Burn rate of availability / B': TOO_SHORT,
  'openclaw-gateway / Burn rate of availability / C': TOO_SHORT,
  'openclaw-network / Own clock / A': 'containers cannot tell',
};

/** Whether a table names that place, or it for every dashboard. */
function names(table: Readonly<Record<string, string>>, place: string): boolean {
  return place in table || place.replace(/^\S+/, '*') in table;
}

describe('the dashboards, read by a real Prometheus with the bundled rules', () => {
  const token = newToken();
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-dashboards-'));
  let home: GatewayHome;
  let gateway: Child;
  let sshd: Sshd;
  let exporter: Exporter;
  let prometheus: Prometheus;
  let begin: number;
  let wellUntil: number;

  const nowSeconds = () => Date.now() / 1000;
  const ask = async (expr: string) => prometheus.query(substituted(expr, VALUES));

  /** Queries without any series in that stretch. */
  const emptyIn = async (stretch: Stretch): Promise<string[]> => {
    const empty: string[] = [];
    for (const { place, expr } of placedQueries) {
      const series = await prometheus.queryRange(substituted(expr, VALUES), stretch);
      if (!series.some((values) => values.some((value) => !Number.isNaN(value)))) empty.push(place);
    }
    return empty;
  };

  const untilRecorded = (what: string, expr: string, of: (values: readonly number[]) => boolean) =>
    until(async () => of((await ask(expr)).map(({ value }) => value)), {
      what,
      timeoutMs: 60_000,
      everyMs: 250,
    });

  beforeAll(async () => {
    expect(main([`--out=${folder}`, `--divide-durations=${DIVISOR}`])).toBe(0);
    home = await GatewayHome.create('2026.9.6');
    home.configure(token);
    sshd = await Sshd.start();
    const config = {
      cron: { publish_delay: '1s', grace: '2s' },
      ssh: {
        config_file: sshd.configFile,
        hosts: [
          { name: 'studio', target: sshd.target, port: sshd.port, always_on: true, command_interval: '2s' },
        ],
      },
      collectors: Object.fromEntries(
        ['process', 'ping', 'token', 'api', 'cron', 'ssh', 'clock', 'tailscale'].map((name) => [name, OFTEN]),
      ),
    };
    gateway = await home.startReady();
    const PATH = `${tailscaleIn(join(folder, 'bin'))}:${process.env.PATH}`;
    exporter = await Exporter.start({ env: { ...home.env, PATH }, config });
    prometheus = await Prometheus.start(exporter.port, [], {
      ruleFiles: [join(folder, 'rules', '*.yml')],
      instance: INSTANCE,
    });
    begin = nowSeconds();
    await Promise.all([
      addCommand(home, token, 'scheduled', ['--cron', '*/3 * * * * *', '--exact'], '/bin/true'),
      addCommand(home, token, 'failing', ['--every', '4s'], '/bin/false'),
    ]);
  });

  afterAll(async () => {
    await exporter?.stop();
    await prometheus?.stop();
    await gateway?.end('SIGKILL');
    await sshd?.remove();
    exporter?.remove();
    home?.remove();
    rmSync(folder, { recursive: true, force: true });
    expectNoSecretShown();
  });

  it('show every layer well, and no cause', async () => {
    await exporter.untilMetrics('jobs to have run and the host to be up', isBusy, 90_000);
    await untilRecorded(
      'every layer to be recorded as well, but for cron, whose failing job counts',
      'instance_layer:openclaw_health:state{instance="$instance", layer!="cron"}',
      (values) => values.length === 4 && values.every((value) => value === 1),
    );
    for (const record of HISTORY) {
      await untilRecorded(
        `${record} of a job`,
        `${record}{instance="$instance"}`,
        (values) => values.length >= 1,
      );
    }
    await untilRecorded(
      'pings between two scrapes',
      'rate(openclaw_gateway_ping_duration_seconds_count{phase="http", instance="$instance"}[$__rate_interval])',
      (values) => values.some((value) => value > 0),
    );
    await untilRecorded('no cause', 'instance_cause:openclaw_incident:max', (values) => values.length === 0);
    wellUntil = nowSeconds();
  });

  it('find series with every query while all is well, but for those of faults', async () => {
    const empty = await emptyIn({ from: begin, to: wellUntil });
    expect(empty.filter((place) => !names({ ...ONLY_IN_FAULTS, ...NOT_HERE }, place))).toEqual([]);
  });

  it('show the cause and the alerts when the gateway and a host are gone', async () => {
    await gateway.end('SIGKILL');
    await sshd.stop();
    await untilRecorded(
      'the gateway to be the cause',
      'instance_cause:openclaw_incident:max{instance="$instance", cause="process"}',
      (values) => values.length === 1,
    );
    await untilRecorded(
      'the alert',
      'ALERTS{alertname="OpenClawGatewayDown", alertstate="firing", instance="$instance"}',
      (values) => values.length > 0,
    );
    await untilRecorded(
      'process, answers and network to be faulty',
      'instance_layer:openclaw_health:state{instance="$instance", layer=~"process|answers|network"}',
      (values) => values.length === 3 && values.every((value) => value === 0),
    );
    await untilRecorded(
      'the token to be unknown, not bad',
      'instance_layer:openclaw_health:state{instance="$instance", layer="token"}',
      (values) => values[0] === -1,
    );
  });

  it('show authentication as the cause when the gateway is back with another token', async () => {
    await sshd.resume();
    gateway = await home.startReady(newToken());
    await exporter.untilMetrics('missed runs and the mismatch', isMismatched, 90_000);
    await untilRecorded(
      'authentication to be the cause',
      'instance_cause:openclaw_incident:max{instance="$instance", cause="authentication"}',
      (values) => values.length === 1,
    );
    await untilRecorded(
      'the missed runs to be seen',
      'increase(openclaw_cron_missed_runs_total{instance="$instance"}[1m])',
      (values) => values.some((value) => value > 0),
    );
  });

  it('find series with every query in one state or another', async () => {
    const empty = await emptyIn({ from: begin, to: nowSeconds() });
    expect(empty.filter((place) => !names(NOT_HERE, place))).toEqual([]);
  });

  it('are refused by no rule and no query', () => {
    expect(prometheus.complaints()).toEqual([]);
  });
});

describe('the tables of queries that may be empty', () => {
  it('name queries that exist', () => {
    const places = placedQueries.flatMap(({ place }) => [place, place.replace(/^\S+/, '*')]);
    const named = [...Object.keys(ONLY_IN_FAULTS), ...Object.keys(NOT_HERE)];
    expect(named.filter((place) => !places.includes(place))).toEqual([]);
  });
});

/** Every layer has been looked at and found well, and each job has run. */
function isBusy(series: readonly Series[]): boolean {
  return (
    sampleOf(series, 'openclaw_gateway_token_match') === 1 &&
    sampleOf(series, 'openclaw_gateway_function_up') === 1 &&
    sampleOf(series, 'openclaw_ssh_up') === 1 &&
    matching(series, 'openclaw_gateway_info').length === 1 &&
    totalOf(series, 'openclaw_cron_runs_total', { status: 'ok' }) >= 1 &&
    totalOf(series, 'openclaw_cron_runs_total', { status: 'error' }) >= 1
  );
}

function isMismatched(series: readonly Series[]): boolean {
  return (
    sampleOf(series, 'openclaw_gateway_token_match') === 0 &&
    totalOf(series, 'openclaw_cron_missed_runs_total') > 0 &&
    totalOf(series, 'openclaw_gateway_process_restarts_total') > 0
  );
}
