import { createServer, type Server } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { clockCollector } from '../../../../src/collectors/clock/collector.ts';
import { COLLECTOR_DEFAULTS } from '../../../../src/collectors/index.ts';
import { parseConfig } from '../../../../src/config/load.ts';
import { createCollector } from '../../../../src/core/context.ts';
import type { Facts } from '../../../../src/core/facts.ts';
import { openClawInstall } from '../../../../src/openclaw/install.ts';
import { parseExposition, type Series, sampleOf } from '../../../support/exposition.ts';
import { testContext } from '../../../support/looks.ts';
import { freePort } from '../../../support/ports.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const HOUR_SECONDS = 3_600;
/** A loopback address that the collector takes for another machine's. */
const AWAY = '[::ffff:127.0.0.1]';

async function gatewayWithDate(date: string | undefined): Promise<number> {
  const server: Server = createServer((_, answer) => {
    answer.sendDate = false;
    if (date !== undefined) answer.setHeader('date', date);
    answer.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

interface Setup {
  readonly port: number;
  readonly host?: string;
  readonly hosts?: readonly string[];
  readonly sshCommands?: Facts['sshCommands'];
}

async function look({ port, host = AWAY, hosts = [], sshCommands }: Setup) {
  const config = {
    gateway: { url: `ws://${host}:${port}` },
    ssh: { hosts: hosts.map((name) => ({ name, target: name })) },
  };
  const outcome = parseConfig(stringify(config), COLLECTOR_DEFAULTS);
  if (outcome.state === 'invalid') throw new Error(JSON.stringify(outcome.problems));
  const env = { HOME: tempFolder() };
  const context = testContext(openClawInstall({ env, gateway: outcome.config.gateway }), {
    config: outcome.config,
    env,
    platform: 'linux',
    run: async (file) =>
      file === 'timedatectl'
        ? { state: 'exited', code: 0, stdout: 'NTPSynchronized=no\n', stderr: '' }
        : { state: 'not_started', code: 'ENOENT' },
  });
  const { metrics } = context;
  context.board.publish('sshCommands', sshCommands);
  const settings = { enabled: true, intervalMs: 30_000, timeoutMs: 5_000 };
  const collector = createCollector(clockCollector, context, context.board, settings);
  metrics.declare(collector.metrics);
  const words: Record<string, string> = {};
  for (const target of collector.targets()) {
    const observation = await target.collect(new AbortController().signal);
    if (observation.kind === 'blind') throw new Error(observation.reason);
    metrics.put({ collector: 'clock', target: target.name }, observation.samples);
    for (const { subject, verdict, text } of observation.evidence) words[subject] = `${verdict}: ${text}`;
  }
  return { series: parseExposition(await metrics.expose('text')), words };
}

const offsetOf = (series: readonly Series[], host: string) =>
  sampleOf(series, 'openclaw_clock_offset_seconds', { host });
const uncertaintyOf = (series: readonly Series[], host: string) =>
  sampleOf(series, 'openclaw_clock_offset_uncertainty_seconds', { host }) ?? Number.NaN;

describe('the clock of a gateway', () => {
  it('is unknown where it does not answer, or answers without a date', async () => {
    for (const port of [await freePort(), await gatewayWithDate(undefined)]) {
      const { series, words } = await look({ port });
      expect(series.map(({ name }) => name)).not.toContain('openclaw_clock_offset_seconds');
      expect(Object.values(words).join()).toMatch(
        /unknown: (?:the gateway does not answer|its answer has no date)/,
      );
    }
  });

  it('is unknown with a date that is none', async () => {
    const { series } = await look({ port: await gatewayWithDate('yesterday') });
    expect(series.map(({ name }) => name)).not.toContain('openclaw_clock_offset_seconds');
  });

  it('is read from its answer where the gateway is another machine’s', async () => {
    const date = new Date(Date.now() - HOUR_SECONDS * 1000).toUTCString();
    const { series, words } = await look({ port: await gatewayWithDate(date) });
    const [one] = series.filter(({ name }) => name === 'openclaw_clock_offset_seconds');
    const host = one?.labels.host ?? '';
    expect(uncertaintyOf(series, host)).toBeGreaterThanOrEqual(0.5);
    // The date was made before the question was asked.
    const early = Math.abs((one?.value ?? 0) + HOUR_SECONDS) - uncertaintyOf(series, host);
    expect(early).toBeLessThan(30);
    expect(words[`clock ${host}`]).toMatch(/^warning: its clock is 3\d{3}\.\d s behind/);
  });

  it('is not asked for where the gateway runs here', async () => {
    const { series } = await look({
      port: await gatewayWithDate(new Date().toUTCString()),
      host: '127.0.0.1',
    });
    expect(series.map(({ name }) => name)).not.toContain('openclaw_clock_offset_seconds');
  });
});

describe('the clock of an SSH host', () => {
  const port = 9;
  const clock = { offset: 300, uncertainty: 0.1 };

  it('is unknown with a reason until a command has run there, and where the command tells no time', async () => {
    const sshCommands = new Map([['forced', { atMs: 0, clock: undefined }]]);
    const { series, words } = await look({
      port,
      host: '127.0.0.1',
      hosts: ['asleep', 'forced'],
      sshCommands,
    });
    expect(offsetOf(series, 'asleep') ?? offsetOf(series, 'forced')).toBeUndefined();
    expect(words).toMatchObject({
      'clock asleep': 'unknown: no command has run there',
      'clock forced': 'unknown: the command there prints no time',
    });
  });

  it('stands for the gateway on the same host, once', async () => {
    const host = 'studio.test';
    const sshCommands = new Map([[host, { atMs: 0, clock }]]);
    const { series } = await look({ port, host, hosts: [host], sshCommands });
    expect(offsetOf(series, host)).toBe(300);
    expect(uncertaintyOf(series, host)).toBe(0.1);
  });
});

describe('this machine’s own clock', () => {
  it('is shown as the system’s programs tell, and not where they are missing', async () => {
    const { series, words } = await look({ port: 9, host: '127.0.0.1' });
    expect(sampleOf(series, 'openclaw_clock_synchronized', { source: 'timedatectl' })).toBe(0);
    expect(sampleOf(series, 'openclaw_clock_synchronized', { source: 'chronyc' })).toBeUndefined();
    expect(words['own clock']).toMatch(/^warning/);
  });
});
