import { describe, expect, it } from 'vitest';
import type { CommandOutcome, RunCommand } from '../../../../src/lib/run-command.ts';
import {
  isLaunchdDisabled,
  launchdLabel,
  launchdService,
  parseLaunchctlPrint,
  parseSystemctlShow,
  restartCommand,
  type ServiceQuery,
  systemdService,
  unitNames,
} from '../../../../src/openclaw/service/manager.ts';

const signal = new AbortController().signal;

const show = (unit: string, lines: Readonly<Record<string, string>>) =>
  Object.entries({ Id: unit, ...lines })
    .map(([key, value]) => `${key}=${value}`)
    .join('\n');

const NOT_FOUND = show('openclaw.service', {
  MainPID: '0',
  NRestarts: '0',
  LoadState: 'not-found',
  ActiveState: 'inactive',
  SubState: 'dead',
  UnitFileState: '',
});
const ACTIVE = show('openclaw-gateway.service', {
  MainPID: '4925',
  NRestarts: '3',
  LoadState: 'loaded',
  ActiveState: 'active',
  SubState: 'running',
  UnitFileState: 'enabled',
});
const WAITING = ACTIVE.replace('active', 'activating')
  .replace('running', 'auto-restart')
  .replace('MainPID=4925', 'MainPID=0')
  .replace('=enabled', '=disabled');

const exited = (stdout: string, code = 0): CommandOutcome => ({ state: 'exited', code, stdout, stderr: '' });

/** Stands in for systemctl and launchctl, which no test machine need have. */
function fake(answers: (args: readonly string[]) => CommandOutcome) {
  const calls: { args: readonly string[]; env: Readonly<Record<string, string>> }[] = [];
  const run: RunCommand = async (_file, args, { env }) => {
    calls.push({ args, env });
    return answers(args);
  };
  const query: ServiceQuery = { run, env: {}, uid: 1000, exists: async () => true };
  return { calls, query };
}

describe('systemd', () => {
  it('tells for how long a unit is as it is, and whether it is masked', () => {
    const masked = show('openclaw-gateway.service', {
      LoadState: 'masked',
      ActiveState: 'inactive',
      SubState: 'dead',
      StateChangeTimestampMonotonic: '60000000',
    });
    expect(parseSystemctlShow(masked, 'user', 90_000)[0]).toMatchObject({
      isMasked: true,
      unchangedSeconds: 30,
    });
    const never = masked.replace('60000000', '0').replace('masked', 'loaded');
    expect(parseSystemctlShow(never, 'user', 90_000)[0]?.unchangedSeconds).toBeUndefined();
    expect(parseSystemctlShow(never, 'user', 90_000)[0]?.isMasked).toBeUndefined();
  });

  it('is not asked where the machine was not booted with it', async () => {
    const { calls, query } = fake(() => exited(ACTIVE));
    const outcome = await systemdService({ ...query, exists: async () => false }, signal);
    expect(outcome).toEqual({ state: 'no_manager' });
    expect(calls).toEqual([]);
  });

  it.each<[string, CommandOutcome]>([
    ['there is no systemctl', { state: 'not_started', code: 'ENOENT' }],
    ['there is no bus', exited('', 1)],
    ['it was cut', { state: 'killed', stderr: '' }],
  ])('is absent where %s', async (_, outcome) => {
    expect(await systemdService(fake(() => outcome).query, signal)).toEqual({ state: 'no_manager' });
  });

  it('has no service where no unit is loaded', async () => {
    expect(await systemdService(fake(() => exited(NOT_FOUND)).query, signal)).toEqual({
      state: 'no_service',
    });
  });

  it('answers for the machine where the user has no manager', async () => {
    const { query } = fake((args) => (args.includes('--user') ? exited('', 1) : exited(ACTIVE)));
    expect(await systemdService(query, signal)).toMatchObject({
      state: 'found',
      service: { scope: 'system' },
    });
  });

  it('prefers an active unit of the machine to an idle one of the user', async () => {
    const { query } = fake((args) => exited(args.includes('--user') ? WAITING : ACTIVE));
    expect(await systemdService(query, signal)).toMatchObject({ service: { scope: 'system', active: true } });
  });

  it('gets its own bus and nothing else of our environment', async () => {
    const { query, calls } = fake(() => exited(ACTIVE));
    const env = { OPENCLAW_GATEWAY_TOKEN: 'hush', PATH: '/bin', DBUS_SESSION_BUS_ADDRESS: 'unix:x' };
    await systemdService({ ...query, env }, signal);
    expect(calls[0]?.env).toEqual({
      XDG_RUNTIME_DIR: '/run/user/1000',
      DBUS_SESSION_BUS_ADDRESS: 'unix:x',
      LC_ALL: 'C',
      PATH: '/bin',
    });
  });

  it('is asked on the bus of its user where XDG_RUNTIME_DIR is there and empty', async () => {
    const { query, calls } = fake(() => exited(ACTIVE));
    await systemdService({ ...query, env: { XDG_RUNTIME_DIR: '' } }, signal);
    expect(calls[0]?.env?.XDG_RUNTIME_DIR).toBe('/run/user/1000');
  });

  it('tells every unit that is loaded, with what it is doing', () => {
    const services = parseSystemctlShow(`${NOT_FOUND}\n\n${WAITING}\n`, 'user');
    expect(services).toEqual([
      {
        manager: 'systemd',
        name: 'openclaw-gateway.service',
        scope: 'user',
        active: false,
        activity: 'activating (auto-restart)',
        enabled: false,
        restarts: 3,
        mainPid: undefined,
      },
    ]);
    expect(parseSystemctlShow(ACTIVE, 'system')[0]).toMatchObject({
      active: true,
      enabled: true,
      mainPid: 4925,
    });
    expect(parseSystemctlShow('', 'user')).toEqual([]);
  });

  it('is asked for the unit of the profile, and for a name of its own', () => {
    expect(unitNames({}, undefined)).toContain('openclaw-gateway.service');
    expect(unitNames({}, 'rescue')).toEqual(['openclaw-gateway-rescue.service']);
    expect(unitNames({ OPENCLAW_SYSTEMD_UNIT: 'my-claw.service' }, undefined)[0]).toBe('my-claw.service');
    expect(unitNames({ OPENCLAW_SYSTEMD_UNIT: '--all' }, undefined)).not.toContain('--all.service');
  });

  it('is named in the repair step with its scope', () => {
    const [service] = parseSystemctlShow(ACTIVE, 'user');
    expect(service && restartCommand(service)).toBe('systemctl --user restart openclaw-gateway.service');
    expect(service && restartCommand({ ...service, scope: 'system' })).toMatch(/^sudo systemctl restart /);
  });
});

// Documented output of launchctl(1); not tested on macOS.
const PRINT = `gui/501/ai.openclaw.gateway = {
	active count = 1
	type = LaunchAgent
	state = running

	environment = {
		OPENCLAW_GATEWAY_TOKEN => hush
		state = broken
	}
	runs = 3
	pid = 4925
	last exit code = 78: EX_CONFIG
	endpoints = {
		"x" = {
			state = active
			pid = 1
		}
	}
}
`;

describe('launchd', () => {
  it('is absent where there is no launchctl', async () => {
    const { query } = fake(() => ({ state: 'not_started', code: 'ENOENT' }));
    expect(await launchdService(query, signal)).toEqual({ state: 'no_manager' });
  });

  it('has no service where it finds none in any domain', async () => {
    const { query, calls } = fake(() => exited('', 113));
    expect(await launchdService(query, signal)).toEqual({ state: 'no_service' });
    expect(calls.map(({ args }) => args.at(-1))).toContain('system/ai.openclaw.gateway');
  });

  it('tells state, pid and restarts, and never the environment it prints', async () => {
    const disabled = '\t"ai.openclaw.gateway" => disabled\n\t"x" => enabled\n';
    const { query } = fake(([verb]) => exited(verb === 'print' ? PRINT : disabled));
    const outcome = await launchdService(query, signal);
    expect(outcome).toEqual({
      state: 'found',
      service: {
        manager: 'launchd',
        name: 'ai.openclaw.gateway',
        scope: 'user',
        active: true,
        activity: 'running',
        enabled: false,
        restarts: 2,
        mainPid: 4925,
      },
    });
    expect(JSON.stringify(outcome)).not.toContain('hush');
  });

  it('reads lines one tab deep only', () => {
    const parked = PRINT.replace('state = running', 'state = not running').replace('\tpid = 4925\n', '');
    expect(parseLaunchctlPrint(parked)).toMatchObject({
      active: false,
      activity: 'not running',
      mainPid: undefined,
    });
    expect(parseLaunchctlPrint('')).toEqual({
      active: false,
      activity: 'unknown',
      restarts: undefined,
      mainPid: undefined,
    });
  });

  it('knows disabled labels in the words of both ages', () => {
    expect(isLaunchdDisabled('"a.b" => true', 'a.b')).toBe(true);
    expect(isLaunchdDisabled('"a.b" => disabled', 'a.b')).toBe(true);
    expect(isLaunchdDisabled('"a.b" => false\n"c" => disabled', 'a.b')).toBe(false);
  });

  it('is asked for the label of the profile', () => {
    expect(launchdLabel({}, undefined)).toBe('ai.openclaw.gateway');
    expect(launchdLabel({}, 'rescue')).toBe('ai.openclaw.rescue');
    expect(launchdLabel({ OPENCLAW_LAUNCHD_LABEL: 'my.claw' }, undefined)).toBe('my.claw');
  });
});
