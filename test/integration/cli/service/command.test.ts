import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Child } from '../../../support/child.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const LAUNCHER = fileURLToPath(new URL('../../../../src/launch.js', import.meta.url));

/**
 * A home folder, and a `systemctl` that only notes how it is called: a fake, for
 * tests may not change the machine.
 */
function place() {
  const home = tempFolder();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const calls = join(home, 'calls');
  /** `fails`: the part of a call by which it is known that it is to fail. */
  const manager = (fails: string) => {
    const script = `echo "$*" >> '${calls}'\ncase "$*" in *${fails}*) echo 'no bus' >&2; exit 1;; esac\n`;
    writeFileSync(join(bin, 'systemctl'), `#!/bin/sh\n${script}`);
    chmodSync(join(bin, 'systemctl'), 0o755);
  };
  manager('nothing');
  const run = async (...args: readonly string[]) => runFor({}, ...args);
  const runFor = async (more: Readonly<Record<string, string>>, ...args: readonly string[]) => {
    const env = { HOME: home, PATH: `${bin}:/usr/bin:/bin`, ...more };
    const child = new Child(process.execPath, [LAUNCHER, ...args], { env });
    return { code: await child.exited, output: child.output };
  };
  const unit = join(home, '.config', 'systemd', 'user', 'openclaw-gateway-exporter.service');
  return {
    run,
    runFor,
    unit,
    manager,
    called: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []),
  };
}

describe.runIf(process.platform === 'linux')('install-service', () => {
  it('shows what it would do, and does nothing where nobody agrees', async () => {
    const { run, unit, called } = place();
    const { code, output } = await run('install-service');
    expect(code).toBe(1);
    expect(output).toContain(`write: ${unit}`);
    expect(output).toContain('[Service]');
    expect(output).toContain('run: systemctl --user enable openclaw-gateway-exporter.service');
    expect(output).toContain('nothing was done');
    expect(existsSync(unit)).toBe(false);
    expect(called()).toEqual([]);
  });

  it('writes the unit and starts it, and uninstall-service takes both back', async () => {
    const { run, unit, called } = place();
    expect(await run('install-service', '--yes')).toMatchObject({ code: 0 });
    expect(readFileSync(unit, 'utf8')).toContain(LAUNCHER);
    expect(called()).toEqual([
      '--user show-environment',
      '--user daemon-reload',
      '--user enable openclaw-gateway-exporter.service',
      '--user restart openclaw-gateway-exporter.service',
    ]);
    expect(await run('uninstall-service', '--yes')).toMatchObject({ code: 0 });
    expect(existsSync(unit)).toBe(false);
    expect(called().slice(4)).toEqual([
      '--user disable --now openclaw-gateway-exporter.service',
      '--user daemon-reload',
    ]);
  });

  it('gives the exporter of each further gateway a port that no other one has, and keeps it', async () => {
    const { run, runFor, unit } = place();
    const portOf = (name: string) =>
      /--web\.listen-address=127\.0\.0\.1:(?<port>\d+)/.exec(
        readFileSync(unit.replace('.service', `${name}.service`), 'utf8'),
      )?.groups?.port;
    const install = (name: string) =>
      runFor({ OPENCLAW_PROFILE: name }, 'install-service', '--yes', `--name=${name}`);
    await run('install-service', '--yes');
    for (const name of ['rescue', 'work', 'rescue']) expect(await install(name)).toMatchObject({ code: 0 });
    const ports = ['', '-rescue', '-work'].map(portOf);
    expect(ports[0]).toBe('10789');
    expect(new Set(ports).size).toBe(3);
    expect(await run('uninstall-service', '--yes', '--name=rescue')).toMatchObject({ code: 0 });
    expect(existsSync(unit.replace('.service', '-rescue.service'))).toBe(false);
    expect(portOf('-work')).toBe(ports[2]);
  });

  it('writes nothing where the manager of the user’s services does not answer', async () => {
    const { run, unit, manager } = place();
    manager('show-environment');
    const { code, output } = await run('install-service', '--yes');
    expect(code).toBe(1);
    expect(output).toContain('failed: systemctl --user show-environment (no bus)');
    expect(output).toContain('log in as that user');
    expect(existsSync(unit)).toBe(false);
  });

  it('takes the unit back that could not be started, or leaves the one that was there before', async () => {
    const { run, unit, manager } = place();
    manager('restart');
    expect(await run('install-service', '--yes')).toMatchObject({ code: 1 });
    expect(existsSync(unit)).toBe(false);
    manager('nothing');
    await run('install-service', '--yes');
    const before = readFileSync(unit, 'utf8');
    manager('restart');
    expect(await run('install-service', '--yes', '--log.level=debug')).toMatchObject({ code: 1 });
    expect(readFileSync(unit, 'utf8')).toBe(before);
  });

  it('gives the service no folder to look for programs in that everyone may write to, or that npm adds', async () => {
    const { runFor, unit } = place();
    const open = tempFolder();
    chmodSync(open, 0o777);
    const folder = tempFolder();
    const added = join(folder, 'node_modules', '.bin');
    mkdirSync(added, { recursive: true });
    const bin = (await runFor({}, '--version')).code === 0 ? join(unit, '../../../../bin') : '';
    const PATH = [added, open, 'relative', join(folder, 'gone'), bin, folder, '/usr/bin', '/bin'].join(':');
    expect(await runFor({ PATH }, 'install-service', '--yes')).toMatchObject({ code: 0 });
    expect(/PATH=(?<path>[^"\n]*)/.exec(readFileSync(unit, 'utf8'))?.groups?.path).toBe(
      [bin, folder, '/usr/bin', '/bin'].join(':'),
    );
  });

  it('takes away the unit of a service that could not be stopped too, and says so', async () => {
    const { run, unit, manager } = place();
    await run('install-service', '--yes');
    manager('disable');
    const { code, output } = await run('uninstall-service', '--yes');
    expect(code).toBe(1);
    expect(output).toContain('failed: systemctl --user disable --now');
    expect(output).toContain(`removed: ${unit}`);
    expect(existsSync(unit)).toBe(false);
  });

  it('installs nothing with a configuration that could not be served', async () => {
    const { run, unit } = place();
    const { code } = await run('install-service', '--yes', '--config.file=/no/such/file.yml');
    expect(code).toBe(2);
    expect(existsSync(unit)).toBe(false);
  });
});
