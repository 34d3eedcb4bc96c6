import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseExposition, type Series, sampleOf } from '../support/exposition.ts';
import { GatewayHome } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import { expectNoSecretShown, keepOutput } from '../support/secrets.ts';
import { EXPORTER, nextStepOf, SystemdMachine, systemdForbidden } from '../support/systemd-machine.ts';
import { until } from '../support/until.ts';

const forbidden = systemdForbidden();
if (forbidden !== undefined) process.stderr.write(`systemd cannot be started here: ${forbidden}\n`);

const GATEWAY_UNIT = 'openclaw-gateway.service';
const UNIT = 'openclaw-gateway-exporter.service';
const LAUNCHER = join(EXPORTER, 'src/launch.js');
const SHORT = { interval: '1s', timeout: '1s' };
/** Of the gateway's unit, as `openclaw gateway install` writes it, is 5 s; a start takes seconds more. */
const GATEWAY_START_MS = 60_000;

/** An exporter that systemd runs, seen through HTTP. */
class Service {
  readonly port: number;
  readonly configFile: string;
  readonly #machine: SystemdMachine;

  constructor(machine: SystemdMachine, port: number, name: string) {
    this.#machine = machine;
    this.port = port;
    this.configFile = join(machine.user.home, `${name}.yml`);
    this.configure();
  }

  configure(more: Readonly<Record<string, unknown>> = {}): void {
    const collectors = { process: SHORT, ping: SHORT, token: SHORT, ...more };
    this.#machine.write(this.configFile, stringify({ collectors }));
  }

  get flags(): readonly string[] {
    return [`--config.file=${this.configFile}`, `--web.listen-address=127.0.0.1:${this.port}`];
  }

  async untilShown(what: string, expectations: (series: readonly Series[]) => void): Promise<void> {
    await until(
      async () => {
        const text = await (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text();
        keepOutput('/metrics', text);
        expectations(parseExposition(text));
        return true;
      },
      { what, timeoutMs: GATEWAY_START_MS, everyMs: 100 },
    );
  }
}

function expectAllWell(series: readonly Series[]): void {
  const one = (name: string, labels = {}) => sampleOf(series, name, labels);
  expect({
    process: one('openclaw_gateway_process_up'),
    files: (one('openclaw_gateway_process_open_fds') ?? 0) > 0,
    active: one('openclaw_gateway_service_active', { manager: 'systemd' }),
    enabled: one('openclaw_gateway_service_enabled', { manager: 'systemd' }),
    answers: one('openclaw_gateway_up'),
    token: one('openclaw_gateway_token_match', { credential: 'config' }),
  }).toEqual({ process: 1, files: true, active: 1, enabled: 1, answers: 1, token: 1 });
}

describe.runIf(forbidden === undefined)('under the real systemd', () => {
  let home: GatewayHome;
  let machine: SystemdMachine;
  let user: Service;
  let system: Service;

  const property = async (name: string, ...flags: readonly string[]) =>
    (
      await machine.asRoot('systemctl', ...flags, 'show', '--value', `--property=${name}`, UNIT)
    ).output.trim();
  const ofUser = (...args: readonly string[]) => machine.asUser('systemctl', '--user', ...args);
  const gatewayPid = async () =>
    Number((await ofUser('show', '--value', '--property=MainPID', GATEWAY_UNIT)).output);

  beforeAll(async () => {
    home = await GatewayHome.create('2026.9.6');
    machine = await SystemdMachine.start(home);
    user = new Service(machine, await freePort(), 'user');
    system = new Service(machine, await freePort(), 'system');
    await machine.installGateway(home);
  });

  afterAll(async () => {
    await machine?.remove();
    home?.remove();
  });

  it('install-service runs the exporter as a service of the user, and all of the gateway is seen', async () => {
    const { code, output } = await machine.asUser(
      'node',
      LAUNCHER,
      'install-service',
      '--yes',
      ...user.flags,
    );
    expect({ code, output }).toMatchObject({ code: 0 });
    await user.untilShown('the gateway as its own service manager started it', expectAllWell);
    expect((await ofUser('is-enabled', UNIT)).output.trim()).toBe('enabled');
  });

  it('install-service --system runs it hardened, as the gateway’s user, and it sees no less', async () => {
    const flags = ['install-service', '--system', '--yes', ...system.flags];
    const { code, output } = await machine.asRoot('node', LAUNCHER, ...flags);
    expect({ code, output }).toMatchObject({ code: 0 });
    await system.untilShown('what the user’s own sees', expectAllWell);
    const pid = await property('MainPID');
    const status = readFileSync(machine.path(`/proc/${pid}/status`), 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:\\s+${machine.user.id}\\s`, 'm'));
    expect(status).toMatch(/^CapBnd:\s+0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    for (const folder of [machine.user.home, '/etc', '/opt']) {
      const tried = await machine.asRoot('nsenter', `--target=${pid}`, '--mount', 'touch', `${folder}/new`);
      expect(tried.output).toContain('Read-only file system');
    }
    const state = statSync(machine.path('/var/lib/openclaw-gateway-exporter'));
    expect([state.uid, state.mode & 0o777]).toEqual([machine.user.id, 0o700]);
  });

  it('counts the start that systemd makes after the gateway was killed, in both', async () => {
    const before = await gatewayPid();
    await machine.asRoot('kill', '-KILL', String(before));
    for (const service of [user, system]) {
      await service.untilShown('one restart, and all well again', (series) => {
        expectAllWell(series);
        expect(sampleOf(series, 'openclaw_gateway_service_restarts', { manager: 'systemd' })).toBe(1);
        expect(sampleOf(series, 'openclaw_gateway_process_restarts_total')).toBe(1);
      });
    }
    expect(await gatewayPid()).not.toBe(before);
  });

  it('check names the command that starts a stopped gateway, and the command does it', async () => {
    await ofUser('stop', GATEWAY_UNIT);
    await user.untilShown('a stopped service', (series) => {
      expect(sampleOf(series, 'openclaw_gateway_service_active')).toBe(0);
      expect(sampleOf(series, 'openclaw_gateway_process_up')).toBe(0);
    });
    const checked = await machine.asUser('node', LAUNCHER, 'check', `--config.file=${user.configFile}`);
    expect(checked.code).toBe(1);
    const step = nextStepOf(checked.output);
    expect(step).toContain(GATEWAY_UNIT);
    expect(await machine.asUser(...step.split(' '))).toMatchObject({ code: 0 });
    for (const service of [user, system]) await service.untilShown('all well again', expectAllWell);
  });

  it('systemctl reload has the configuration read again', async () => {
    system.configure({ tailscale: { enabled: false } });
    expect(await machine.asRoot('systemctl', 'reload', UNIT)).toMatchObject({ code: 0 });
    await system.untilShown('a collector that was switched off to be gone', (series) => {
      expect(sampleOf(series, 'openclaw_exporter_collector_up', { collector: 'tailscale' })).toBeUndefined();
      expect(sampleOf(series, 'openclaw_exporter_collector_up', { collector: 'ping' })).toBe(1);
    });
  });

  it('a killed exporter is started again and has lost no count', async () => {
    const pid = await property('MainPID');
    await machine.asRoot('kill', '-KILL', pid);
    await until(async () => !['0', pid].includes(await property('MainPID')), {
      what: 'systemd to start it again',
      timeoutMs: 30_000,
      everyMs: 100,
    });
    await system.untilShown('the restarts counted before', (series) => {
      expect(sampleOf(series, 'openclaw_gateway_process_restarts_total')).toBe(2);
    });
  });

  it('uninstall-service takes both away, and leaves the gateway alone', async () => {
    const gateway = await gatewayPid();
    const ended = await Promise.all([
      machine.asUser('node', LAUNCHER, 'uninstall-service', '--yes'),
      machine.asRoot('node', LAUNCHER, 'uninstall-service', '--system', '--yes'),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    expect(await property('LoadState')).toBe('not-found');
    expect((await ofUser('show', '--value', '--property=LoadState', UNIT)).output.trim()).toBe('not-found');
    for (const folder of ['/etc/systemd/system', join(machine.user.home, '.config/systemd/user')]) {
      expect(existsSync(machine.path(join(folder, UNIT)))).toBe(false);
    }
    expect(await gatewayPid()).toBe(gateway);
  });

  it('never shows a token', () => expectNoSecretShown());
});
