import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { matching, parseExposition, type Series, sampleOf } from '../support/exposition.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import { expectNoSecretShown, keepOutput } from '../support/secrets.ts';
import { EXPORTER, SystemdMachine, systemdForbidden } from '../support/systemd-machine.ts';
import { until } from '../support/until.ts';

const LAUNCHER = join(EXPORTER, 'src/launch.js');
const SHORT = { interval: '1s', timeout: '1s' };
const CONFIG = { collectors: { process: SHORT, ping: SHORT, token: SHORT } };
const PROFILE = 'rescue';
const GATEWAY_UNIT = 'openclaw-gateway.service';
const UNIT = (name: string) => `openclaw-gateway-exporter${name}.service`;

describe.runIf(systemdForbidden() === undefined)('a main and a rescue gateway of one user', () => {
  let home: GatewayHome;
  let machine: SystemdMachine;
  let rescuePort: number;
  /** By the end of the unit's name. */
  const ports = new Map<string, number>();

  const withProfile = (...command: readonly string[]) => ['env', `OPENCLAW_PROFILE=${PROFILE}`, ...command];
  const install = async (name: string, command: readonly string[]) => {
    const { code, output } = await machine.asUser(...command);
    expect({ code, output }).toMatchObject({ code: 0 });
    const file = join(machine.user.home, '.config/systemd/user', UNIT(name));
    const text = readFileSync(machine.path(file), 'utf8');
    ports.set(name, Number(/--web\.listen-address=127\.0\.0\.1:(?<port>\d+)/.exec(text)?.groups?.port));
  };
  const untilShown = (name: string, what: string, expectations: (series: readonly Series[]) => void) =>
    until(
      async () => {
        const text = await (await fetch(`http://127.0.0.1:${ports.get(name)}/metrics`)).text();
        keepOutput('/metrics', text);
        expectations(parseExposition(text));
        return true;
      },
      { what, timeoutMs: 90_000, everyMs: 250 },
    );
  const expectWell = (port: number) => (series: readonly Series[]) => {
    expect({
      up: sampleOf(series, 'openclaw_gateway_up'),
      process: sampleOf(series, 'openclaw_gateway_process_up'),
      processes: sampleOf(series, 'openclaw_gateway_processes'),
      active: sampleOf(series, 'openclaw_gateway_service_active'),
      token: sampleOf(series, 'openclaw_gateway_token_match', { credential: 'config' }),
    }).toEqual({ up: 1, process: 1, processes: 1, active: 1, token: 1 });
    const listens = matching(series, 'openclaw_gateway_listen_info').map(({ labels }) => labels);
    expect(listens).toContainEqual({ address: `127.0.0.1:${port}`, configured: 'true' });
  };

  beforeAll(async () => {
    home = await GatewayHome.create('2026.9.6');
    rescuePort = await freePort();
    machine = await SystemdMachine.start(home);
    await machine.installGateway(home);
    const auth = { mode: 'token', token: newToken() };
    const config = { gateway: { mode: 'local', port: rescuePort, bind: 'loopback', auth } };
    machine.write(join(machine.user.home, `.openclaw-${PROFILE}`, 'openclaw.json'), JSON.stringify(config));
    const rescue = ['openclaw', '--profile', PROFILE, 'gateway', 'install', '--port', String(rescuePort)];
    const { code, output } = await machine.asUser(...rescue);
    if (code !== 0) throw new Error(output);
  }, 180_000);

  afterAll(async () => {
    await machine?.remove();
    home?.remove();
  });

  it('have an exporter each, with a port, a storage folder, a lock and a unit of its own', async () => {
    const config = join(machine.user.home, 'exporter.yml');
    machine.write(config, stringify(CONFIG));
    const command = ['node', LAUNCHER, 'install-service', '--yes', `--config.file=${config}`];
    const port = await freePort();
    await install('', [...command, `--web.listen-address=127.0.0.1:${port}`]);
    await install('-rescue', withProfile(...command, '--name=rescue'));
    expect(new Set(ports.values()).size).toBe(2);
    await untilShown('', 'the main gateway', expectWell(home.port));
    await untilShown('-rescue', 'the rescue gateway', expectWell(rescuePort));
    for (const name of ['', '-rescue']) {
      const storage = join(machine.user.home, `.local/state/openclaw-gateway-exporter${name}`);
      expect(existsSync(machine.path(join(storage, 'state.lock')))).toBe(true);
    }
  });

  it('are told apart when the main one is stopped', async () => {
    expect(await machine.asUser('systemctl', '--user', 'stop', GATEWAY_UNIT)).toMatchObject({ code: 0 });
    await untilShown('', 'the main gateway to be down', (series) => {
      expect(sampleOf(series, 'openclaw_gateway_up')).toBe(0);
      expect(sampleOf(series, 'openclaw_gateway_process_up')).toBe(0);
      expect(sampleOf(series, 'openclaw_gateway_service_active')).toBe(0);
    });
    await untilShown('-rescue', 'the rescue gateway to be as before', expectWell(rescuePort));
    const checked = await machine.asUser('node', LAUNCHER, 'check');
    expect(checked.output).toContain(`systemctl --user restart ${GATEWAY_UNIT}`);
    const rescue = await machine.asUser(...withProfile('node', LAUNCHER, 'check', '--name=rescue'));
    // The machine's own clock may not be synchronized.
    for (const name of ['Process', 'Answers', 'Token', 'Cron'])
      expect(rescue.output).toMatch(new RegExp(`^ok +${name} `, 'm'));
  });

  it('uninstall-service takes away the named one alone', async () => {
    const removed = await machine.asUser('node', LAUNCHER, 'uninstall-service', '--yes', '--name=rescue');
    expect(removed).toMatchObject({ code: 0 });
    const active = async (name: string) =>
      (await machine.asUser('systemctl', '--user', 'is-active', UNIT(name))).output.trim();
    expect([await active(''), await active('-rescue')]).toEqual(['active', 'inactive']);
  });

  it('never show a token', () => expectNoSecretShown());
});
