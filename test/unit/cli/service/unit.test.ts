import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENT_TEXTS, parseFlags } from '../../../../src/cli/flags.ts';
import { type PlanOptions, planService } from '../../../../src/cli/service/plan.ts';
import { launchdPlist, systemdUnit } from '../../../../src/cli/service/unit.ts';
import { readLaunchdJob } from '../../../../src/openclaw/service/plist.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const ANALYZE = '/usr/bin/systemd-analyze';
const HOME = '/home/somebody';
const TOKEN = 'a-token-of-the-environment';

function options(more: Partial<PlanOptions> = {}, ...args: readonly string[]): PlanOptions {
  const outcome = parseFlags(['install-service', ...args], { HOME });
  if (outcome.state !== 'service') throw new Error('no service');
  return {
    action: 'install',
    system: false,
    flags: outcome.flags,
    platform: 'linux',
    env: {
      HOME,
      OPENCLAW_GATEWAY_TOKEN: TOKEN,
      OPENCLAW_STATE_DIR: '/srv/claw',
      PATH: '/bin',
    },
    uid: 1000,
    home: HOME,
    launcher: [process.execPath, '/opt/exporter/launch.js'],
    resolve: (path) => resolve('/work', path),
    ...more,
  };
}

function planned(more: Partial<PlanOptions> = {}, ...args: readonly string[]) {
  const outcome = planService(options(more, ...args));
  if (outcome.state !== 'planned') throw new Error(outcome.reason);
  return outcome.plan;
}

/** What systemd itself says of a unit. */
function verify(unit: string): string {
  const file = join(tempFolder(), 'openclaw-gateway-exporter.service');
  writeFileSync(file, unit);
  return execFileSync(ANALYZE, ['verify', '--man=no', file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('the plan of a service', () => {
  it('of the user is a unit below the home folder, with absolute paths and without any token', () => {
    const { file, content = '', after } = planned({}, '--config.file=exporter.yml', '--storage.path=/data');
    expect(file).toBe('/home/somebody/.config/systemd/user/openclaw-gateway-exporter.service');
    expect(content).toContain('"--config.file=/work/exporter.yml"');
    expect(content).toContain('"--storage.path=/data"');
    expect(content).toContain('Environment="OPENCLAW_STATE_DIR=/srv/claw"');
    expect(content).not.toContain(TOKEN);
    expect(
      after.every(({ command: [program, scope] }) => program === 'systemctl' && scope === '--user'),
    ).toBe(true);
  });

  it('keeps which collectors the flags enable and disable', () => {
    const { content = '' } = planned({}, '--no-collector.ssh', '--collector.cron');
    expect(content).toContain('"--no-collector.ssh" "--collector.cron"');
  });

  it('is impossible with sockets of systemd, for which no unit is written', () => {
    expect(planService(options({}, '--web.systemd-socket'))).toMatchObject({ state: 'impossible' });
  });

  it('keeps every address to listen on', () => {
    const addresses = ['--web.listen-address=127.0.0.1:7001', '--web.listen-address=[::1]:7002'];
    const { content = '' } = planned({}, ...addresses);
    expect(content).toContain('"--web.listen-address=127.0.0.1:7001" "--web.listen-address=[::1]:7002"');
  });

  it('keeps every variable that is honoured, but none that is a secret', () => {
    const names = ENVIRONMENT_TEXTS.map(([name]) => name);
    const env = Object.fromEntries([...names, 'XDG_CONFIG_HOME'].map((name) => [name, `/of/${name}`]));
    const { content = '' } = planned({ env: { HOME, ...env } });
    const kept = [...content.matchAll(/^Environment="(?<name>[A-Z_]+)=/gm)].map(({ groups }) => groups?.name);
    const secrets = ['OPENCLAW_GATEWAY_TOKEN', 'OPENCLAW_GATEWAY_PASSWORD'];
    const wanted = names.filter((name) => !secrets.includes(name));
    expect(kept.sort()).toEqual([...wanted, 'PATH', 'XDG_CONFIG_HOME'].sort());
  });

  it('with a name is a service, a storage folder and a log of its own, for the gateway that is named', () => {
    const env = { HOME, PATH: '/bin', OPENCLAW_PROFILE: 'rescue' };
    const { file, content = '', after } = planned({ env }, '--name=rescue');
    expect(file).toBe('/home/somebody/.config/systemd/user/openclaw-gateway-exporter-rescue.service');
    expect(content).toContain(
      `"--storage.path=/home/somebody/.local/state/openclaw-gateway-exporter-rescue"`,
    );
    expect(content).toContain('Environment="OPENCLAW_PROFILE=rescue"');
    expect(after.at(-1)?.command.at(-1)).toBe('openclaw-gateway-exporter-rescue.service');
    const sudo = { ...env, SUDO_USER: 'claw' };
    const machine = planned({ system: true, uid: 0, env: sudo }, '--name=rescue').content;
    expect(machine).toContain('\nStateDirectory=openclaw-gateway-exporter-rescue\n');
    const agent = planned({ platform: 'darwin', env }, '--name=rescue');
    expect(agent.file).toContain('/ai.openclaw.gateway-exporter.rescue.plist');
    expect(agent.content).toContain('<key>Label</key><string>ai.openclaw.gateway-exporter.rescue</string>');
    expect(agent.content).toContain('/Logs/openclaw-gateway-exporter-rescue.log');
  });

  it('with a name is impossible where nothing says which gateway is meant', () => {
    const env = { HOME, PATH: '/bin' };
    expect(planService(options({ env }, '--name=rescue'))).toMatchObject({
      state: 'impossible',
      reason: expect.stringContaining('OPENCLAW_PROFILE'),
    });
    expect(planned({ env }, '--name=rescue', '--config.file=rescue.yml').content).toContain('rescue.yml');
    expect(planned({ env, action: 'uninstall' }, '--name=rescue').file).toContain('-rescue.service');
  });

  it('of the machine runs as the user who called sudo, never as root', () => {
    const env = { HOME, PATH: '/bin', SUDO_USER: 'claw' };
    const { file, content } = planned({ system: true, uid: 0, env });
    expect(file).toBe('/etc/systemd/system/openclaw-gateway-exporter.service');
    expect(content).toContain('\nUser=claw\n');
    expect(content).toContain('\nProtectSystem=strict\n');
    for (const bad of [
      { uid: 1000, env },
      { uid: 0, env: { HOME } },
      { uid: 0, env: { HOME, SUDO_USER: 'root' } },
      { uid: 0, env: { HOME, SUDO_USER: 'a\nb' } },
    ]) {
      expect(planService(options({ system: true, ...bad })).state).toBe('impossible');
    }
  });

  it('of the machine takes no folder for its state, which would silently be another', () => {
    const env = { HOME, SUDO_USER: 'claw' };
    const outcome = planService(options({ system: true, uid: 0, env }, '--storage.path=/data'));
    expect(outcome).toMatchObject({ state: 'impossible', reason: expect.stringContaining('--storage.path') });
  });

  it('on macOS is an agent that launchd can read', () => {
    const { file, content = '' } = planned({ platform: 'darwin' });
    expect(file).toBe('/home/somebody/Library/LaunchAgents/ai.openclaw.gateway-exporter.plist');
    expect(readLaunchdJob(Buffer.from(content))?.ProgramArguments).toContain('/opt/exporter/launch.js');
    expect(content).toContain('<string>/home/somebody/Library/Logs/openclaw-gateway-exporter.log</string>');
    expect(content).not.toContain(TOKEN);
  });

  it('on macOS ends an agent of an earlier installation before it starts the new one', () => {
    const { before, after } = planned({ platform: 'darwin' });
    expect(before[0]?.command.slice(0, 2)).toEqual(['launchctl', 'bootout']);
    expect(after[0]?.command.slice(0, 2)).toEqual(['launchctl', 'bootstrap']);
  });

  it('is impossible elsewhere', () => {
    expect(planService(options({ platform: 'win32' })).state).toBe('impossible');
  });

  it('of the user is impossible where no home folder is known; of the machine it is not', () => {
    for (const platform of ['linux', 'darwin'] as const) {
      expect(planService(options({ platform, home: undefined }))).toMatchObject({
        state: 'impossible',
        reason: expect.stringContaining('set HOME'),
      });
    }
    const env = { HOME, SUDO_USER: 'claw' };
    expect(planned({ system: true, uid: 0, env, home: undefined }).file).toMatch(/^\/etc\//);
  });

  it('of the removal takes away what the installation wrote', () => {
    for (const platform of ['linux', 'darwin'] as const) {
      const plan = planned({ platform, action: 'uninstall' });
      expect(plan.file).toBe(planned({ platform }).file);
      expect(plan.content).toBeUndefined();
    }
  });
});

describe('the text of a service', () => {
  it.runIf(existsSync(ANALYZE))('is one that systemd finds no fault with', () => {
    expect(verify(planned().content ?? '')).toBe('');
    const env = { HOME, PATH: '/bin', SUDO_USER: 'nobody' };
    expect(verify(planned({ system: true, uid: 0, env }).content ?? '')).toBe('');
  });

  it('holds any argument in one line of its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const environment = new Map([['A', text]]);
        const lines = systemdUnit({ command: ['/bin/x', text], environment }, undefined).split('\n');
        const plain = systemdUnit({ command: ['/bin/x', ''], environment: new Map([['A', '']]) }, undefined);
        expect(lines.length).toBe(plain.split('\n').length);
      }),
    );
  });

  it('gives launchd every argument as it was', () => {
    // XML has no way to write most control characters.
    const text = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .map((some) => `a${some.replaceAll(/\p{Cc}/gu, '')}b`);
    fc.assert(
      fc.property(text, (argument) => {
        const plist = launchdPlist({ command: ['/bin/x', argument], environment: new Map() }, '/x.log');
        expect(readLaunchdJob(Buffer.from(plist))?.ProgramArguments).toEqual(['/bin/x', argument]);
      }),
    );
  });
});
