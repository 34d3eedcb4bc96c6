import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { type Series, sampleOf } from '../support/exposition.ts';
import { leave } from '../support/leave.ts';
import { GatewayHome, newToken, refusedAttempts, VERSIONS } from '../support/openclaw.ts';

const CONFIG = {
  collectors: {
    process: { interval: '1s' },
    ping: { interval: '2s' },
    token: { interval: '1s' },
  },
};
/** Otherwise the gateway itself takes a changed configuration on. */
const NO_RELOAD = { reload: { mode: 'off' } };

const match = (all: readonly Series[]) => sampleOf(all, 'openclaw_gateway_token_match');
const variants = (all: readonly Series[]) => sampleOf(all, 'openclaw_gateway_token_variants');
const inSync = (all: readonly Series[], credential: string) =>
  sampleOf(all, 'openclaw_gateway_token_in_sync', { credential });
const refusals = (all: readonly Series[]) =>
  sampleOf(all, 'openclaw_gateway_auth_attempts_total', { result: 'token_mismatch' });

describe.each(VERSIONS)('a token that lies in many places beside a real gateway %s', (version) => {
  const token = newToken();
  let home: GatewayHome;
  let gateway: Child;
  let exporter: Exporter;

  const configure = (configured: string) =>
    home.configure(configured, {
      gateway: {
        mode: 'local',
        port: home.port,
        bind: 'loopback',
        auth: { mode: 'token', token: configured },
        ...NO_RELOAD,
      },
    });

  /** The unit that the service manager would start the gateway with; nobody starts it here. */
  const writeUnit = (environment: string) => {
    const folder = join(home.home, '.config', 'systemd', 'user');
    mkdirSync(folder, { recursive: true });
    const start = `ExecStart=/usr/bin/node openclaw gateway run --port ${home.port}`;
    writeFileSync(
      join(folder, 'openclaw-gateway.service'),
      `[Service]\n${start}\nEnvironment=${environment}\n`,
    );
  };

  const writeDotenv = (line: string) =>
    writeFileSync(join(home.stateDir, '.env'), `${line}\n`, { mode: 0o600 });

  beforeAll(async () => {
    home = await GatewayHome.create(version);
    configure(token);
    writeUnit(`OPENCLAW_GATEWAY_TOKEN=${token}`);
    gateway = await home.startReady();
    exporter = await Exporter.start({ env: home.env, config: CONFIG });
  });

  afterAll(() => leave({ exporter, gateway, home }));

  it('is no drift where every place holds it, however it is written (T4)', async () => {
    writeUnit(`"OPENCLAW_GATEWAY_TOKEN=${token}" 'OTHER=a b'`);
    writeDotenv(`export OPENCLAW_GATEWAY_TOKEN = "${token}"  # ours`);
    await exporter.untilShown('every place to agree', (all) => {
      expect(match(all)).toBe(1);
      for (const place of ['config', 'service', 'dotenv'])
        expect([place, inSync(all, place)]).toEqual([place, 1]);
      expect(variants(all)).toBe(1);
    });
  });

  it('is drift where the service file holds an old one (T3)', async () => {
    writeUnit(`OPENCLAW_GATEWAY_TOKEN=${newToken()}`);
    await exporter.untilShown('the old service file', (all) => {
      expect(inSync(all, 'service')).toBe(0);
      expect(inSync(all, 'config')).toBe(1);
      expect(variants(all)).toBe(2);
      expect(match(all)).toBe(1);
    });
    writeUnit(`OPENCLAW_GATEWAY_TOKEN=${token}`);
    await exporter.untilShown('agreement', (all) => expect(variants(all)).toBe(1));
  });

  it('is drift where the configuration changed and the gateway did not restart (T2)', async () => {
    configure(newToken());
    await exporter.untilShown('the changed configuration', (all) => {
      expect(inSync(all, 'config')).toBe(0);
      expect(inSync(all, 'service')).toBe(1);
      expect(variants(all)).toBe(2);
      expect(match(all)).toBe(1);
    });
    const restored = sampleOf(await exporter.series(), 'openclaw_gateway_token_last_check_timestamp_seconds');
    await exporter.untilShown('the running gateway to be asked again', (all) => {
      expect(match(all)).toBe(1);
      expect(sampleOf(all, 'openclaw_gateway_token_last_check_timestamp_seconds')).toBeGreaterThan(
        restored ?? Number.NaN,
      );
    });
    configure(token);
    await exporter.untilShown('agreement', (all) => expect(variants(all)).toBe(1));
  });

  it('is read from the running process too, and costs no refused attempt anywhere', async () => {
    await gateway.end('SIGTERM');
    const old = newToken();
    const args = [home.program, 'gateway', 'run', '--allow-unconfigured', '--auth', 'token'];
    configure(token);
    gateway = new Child(process.execPath, args, {
      env: { ...home.env, OPENCLAW_GATEWAY_TOKEN: old },
      cwd: home.root,
    });
    await exporter.untilShown(
      'the process that was started with an old one',
      (all) => {
        expect(sampleOf(all, 'openclaw_gateway_up')).toBe(1);
        expect(sampleOf(all, 'openclaw_gateway_token_present', { credential: 'process' })).toBe(1);
        expect(inSync(all, 'process')).toBe(0);
        expect(variants(all)).toBe(2);
        expect(match(all)).toBe(1);
      },
      120_000,
    );
    expect(refusals(await exporter.series())).toBe(0);
    expect(refusedAttempts(gateway)).toBe(0);
  });
});
