import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { documentedJobs } from '../support/fleet.ts';
import { GatewayHome, newToken, refusedAttempts } from '../support/openclaw.ts';
import { Prometheus } from '../support/prometheus.ts';
import { expectNoSecretShown, keepOutput } from '../support/secrets.ts';
import { until } from '../support/until.ts';

const EVERY = { scrape_interval: '2s', scrape_timeout: '2s' };

/**
 * Two real gateways and an address where nothing listens, behind one exporter
 * that stands beside none of them.
 */
describe('many gateways from one place', () => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-fleet-'));
  const homes: GatewayHome[] = [];
  const gateways: Child[] = [];
  let exporter: Exporter;
  let prometheus: Prometheus;

  const start = async (version: '2026.9.6' | '2026.5.7') => {
    const token = newToken();
    const home = await GatewayHome.create(version);
    homes.push(home);
    home.configure(token);
    const gateway = await home.startReady();
    gateways.push(gateway);
    return { gateway, token, url: `ws://127.0.0.1:${home.port}` };
  };
  let newer: Awaited<ReturnType<typeof start>>;
  let older: Awaited<ReturnType<typeof start>>;

  beforeAll(async () => {
    newer = await start('2026.9.6');
    older = await start('2026.5.7');
    writeFileSync(join(folder, 'newer.token'), newer.token);
    writeFileSync(join(folder, 'older.token'), newToken());
    const named = (name: string, url: string) => ({
      name,
      url,
      token_file: join(folder, `${name}.token`),
      labels: { place: 'rack 1' },
    });
    exporter = await Exporter.start({
      env: { HOME: folder },
      config: {
        gateways: [
          named('newer', newer.url),
          named('older', older.url),
          { name: 'gone', url: 'ws://127.0.0.1:1' },
        ],
      },
    });
    writeFileSync(join(folder, 'targets.yml'), '- targets: [newer, nobody]\n  labels: { place: rack 2 }\n');
    const jobs = documentedJobs(exporter.port, EVERY).map((job) =>
      'file_sd_configs' in job ? { ...job, file_sd_configs: [{ files: [join(folder, '*.yml')] }] } : job,
    );
    prometheus = await Prometheus.start(exporter.port, jobs);
  });

  afterAll(async () => {
    await prometheus?.stop();
    await exporter?.stop();
    for (const gateway of gateways) await gateway.end('SIGKILL');
    expectNoSecretShown();
    exporter?.remove();
    for (const home of homes) home.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The newest value of each gateway, by its name. */
  const values = async (expression: string) =>
    Object.fromEntries(
      (await prometheus.query(expression)).map(({ metric, value }) => [metric.instance, value]),
    );
  const untilValues = (expression: string, expected: Readonly<Record<string, number>>) =>
    until(
      async () => {
        expect(await values(expression)).toEqual(expected);
        return true;
      },
      { what: `${expression} to be ${JSON.stringify(expected)}`, timeoutMs: 60_000, everyMs: 500 },
    );
  const debugPage = async (name: string) => {
    const text = await (await fetch(exporter.url(`/probe?target=${name}&debug=true`))).text();
    keepOutput(`debug page of ${name}`, text);
    return text;
  };

  it('Prometheus finds them by http_sd, each under its own name and with its labels', async () => {
    await untilValues('up{job="openclaw-remote"}', { newer: 1, older: 1, gone: 1 });
    await untilValues('probe_success{job="openclaw-remote"}', { newer: 1, older: 1, gone: 0 });
    await untilValues('openclaw_gateway_state{job="openclaw-remote",state="refused"} == 1', { gone: 1 });
    await untilValues('count by (instance) (up{job="openclaw-remote",place="rack 1"})', {
      newer: 1,
      older: 1,
    });
  });

  it('a token that is refused is one gauge, and one attempt however long it is scraped', async () => {
    await untilValues('openclaw_gateway_token_match{job="openclaw-remote",credential="other"}', {
      newer: 1,
      older: 0,
    });
    const scrapes = () =>
      values('count_over_time(probe_success{job="openclaw-remote",instance="older"}[10m])');
    const before = (await scrapes()).older ?? 0;
    await until(async () => ((await scrapes()).older ?? 0) > before + 10, {
      what: 'ten more scrapes',
      timeoutMs: 60_000,
      everyMs: 1_000,
    });
    expect(refusedAttempts(older.gateway)).toBe(1);
    expect(refusedAttempts(newer.gateway)).toBe(0);
    expect(await debugPage('older')).toContain('refuses the credential');
    writeFileSync(join(folder, 'older.token'), older.token);
    await untilValues('openclaw_gateway_token_match{job="openclaw-remote"}', { newer: 1, older: 1 });
  });

  it('one that hangs is said to hang within the scrape, and the other is not delayed', async () => {
    older.gateway.signal('SIGSTOP');
    await untilValues('openclaw_gateway_state{job="openclaw-remote",state="hung"} == 1', { older: 1 });
    await untilValues('probe_success{job="openclaw-remote"}', { newer: 1, older: 0, gone: 0 });
    await untilValues('up{job="openclaw-remote"}', { newer: 1, older: 1, gone: 1 });
    expect(await debugPage('older')).toContain('the gateway hangs');
    older.gateway.signal('SIGCONT');
    await untilValues('probe_success{job="openclaw-remote"}', { newer: 1, older: 1, gone: 0 });
    expect(
      Object.keys(await values('changes(probe_success{job="openclaw-remote",instance="newer"}[10m]) > 0')),
    ).toEqual([]);
  });

  it('Prometheus finds them by file_sd, and an unknown name there is a target that is down', async () => {
    await untilValues('up{job="openclaw-remote-files"}', { newer: 1, nobody: 0 });
    await untilValues('probe_success{job="openclaw-remote-files",place="rack 2"}', { newer: 1 });
  });

  it('an unknown name is refused', async () => {
    const response = await fetch(exporter.url('/probe?target=nobody'));
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('/sd');
  });

  it('Prometheus has nothing to complain of', () => {
    expect(prometheus.complaints()).toEqual([]);
  });
});
