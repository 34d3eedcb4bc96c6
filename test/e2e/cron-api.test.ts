import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readPairedDevice } from '../../src/openclaw/paired-device.ts';
import type { Child } from '../support/child.ts';
import { countedTotals, rememberedRuns, rememberedTotals } from '../support/cron-history.ts';
import { EMPTY_EVENT, startWithJobs } from '../support/cron-jobs.ts';
import { Exporter } from '../support/exporter.ts';
import { type Series, sampleOf } from '../support/exposition.ts';
import { leave } from '../support/leave.ts';
import { GatewayHome, newToken, refusedAttempts, STORAGE_AGES } from '../support/openclaw.ts';
import { rememberSecret } from '../support/secrets.ts';
import { inTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

const CONFIG = {
  cron: { api: true, publish_delay: '1s' },
  collectors: { process: { interval: '1s' }, token: { interval: '1s' }, cron: { interval: '1s' } },
};

const sourceUp = (series: readonly Series[], source: string) =>
  sampleOf(series, 'openclaw_cron_source_up', { source });

/**
 * A job with nothing to say, which is skipped every 2 s: for any other, 2026.5.7 loads its agent
 * and answers nobody meanwhile.
 */
function writeIdleJob(home: GatewayHome): string[] {
  const now = Date.now();
  const schedule = { kind: 'every', everyMs: 2_000, anchorMs: now };
  const job = {
    id: 'idle-1',
    name: 'idle',
    enabled: true,
    createdAtMs: now,
    updatedAtMs: now,
    schedule,
    state: {},
  };
  mkdirSync(join(home.stateDir, 'cron'), { recursive: true });
  const jobs = [{ ...job, ...EMPTY_EVENT }];
  writeFileSync(join(home.stateDir, 'cron', 'jobs.json'), JSON.stringify({ version: 1, jobs }));
  return jobs.map(({ id }) => id);
}

describe.each(STORAGE_AGES)('cron as a real gateway %s itself tells it', (version) => {
  const token = newToken();
  let home: GatewayHome;
  let gateway: Child;
  let jobIds: readonly string[];
  let exporter: Exporter;

  beforeAll(async () => {
    home = await GatewayHome.create(version);
    home.configure(token);
    exporter = await Exporter.start({ env: home.env, config: CONFIG });
    if (version === '2026.5.7') {
      jobIds = writeIdleJob(home);
      gateway = await home.startReady();
      return;
    }
    const { gateway: started, jobs } = await startWithJobs(home, token, EMPTY_EVENT, async () => undefined);
    gateway = started;
    jobIds = [jobs.succeeding, jobs.failing, jobs.scheduled];
  });

  afterAll(() => leave({ exporter, gateway, home }));

  it('is not asked while the CLI has no paired device, and none is paired for it', async () => {
    await exporter.untilShown('the token to be proved', (series) => {
      expect(sampleOf(series, 'openclaw_gateway_token_match')).toBe(1);
      expect(sourceUp(series, 'api')).toBe(0);
    });
    await until(async () => (await statusPage()).includes('no device that is paired with this gateway'), {
      what: 'the status page to say why the API is not asked',
    });
    expect(await readPairedDevice(home.stateDir)).toMatchObject({ state: 'none' });
  });

  it('is asked with the device that one command of the CLI has paired, and agrees with the store', async () => {
    const release = await pair();
    const device = await until(
      async () => {
        const found = await readPairedDevice(home.stateDir);
        return found.state === 'paired' ? found.device : undefined;
      },
      { timeoutMs: 30_000, everyMs: 250, what: 'the CLI to pair its device' },
    );
    await release();
    rememberSecret(device.token.reveal());
    await exporter.untilShown('the gateway to be asked', (series) => {
      expect(sourceUp(series, 'api')).toBe(1);
      expect(sampleOf(series, 'openclaw_cron_sources_disagree')).toBe(0);
    });
    expect(device.token.equals((await deviceNow()).token)).toBe(true);
  });

  it('is counted once, as the gateway remembers it, by two sources that tell every run', async () => {
    const sum = (series: readonly Series[]) =>
      countedTotals(series, jobIds)
        .flat()
        .reduce((a, b) => a + b, 0);
    await exporter.untilMetrics('some runs', (series) => sum(series) >= 5, 60_000);
    await gateway.end('SIGTERM');
    const history = rememberedRuns(home);
    await exporter.untilShown('totals to equal the history', (series) =>
      expect(countedTotals(series, jobIds)).toEqual(rememberedTotals(history, jobIds)),
    );
  });

  it('never refused the exporter: nothing was shown that it does not know', () => {
    expect(refusedAttempts(gateway)).toBe(0);
    expect(gateway.output).not.toMatch(/unauthorized conn=/);
  });

  /**
   * From 2026.7 on the CLI shows the shared token and no device on loopback,
   * except in its terminal interface.
   */
  async function pair(): Promise<() => Promise<void>> {
    if (version !== '2026.5.7') {
      const terminal = inTerminal(home, 'tui');
      onTestFinished(() => terminal.end('SIGTERM'));
      return () => terminal.end('SIGTERM');
    }
    await home.cli(token, 'cron', 'list');
    return async () => undefined;
  }

  const statusPage = async () => (await fetch(exporter.url('/'))).text();

  async function deviceNow() {
    const found = await readPairedDevice(home.stateDir);
    if (found.state !== 'paired') throw new Error(found.reason);
    return found.device;
  }
});
