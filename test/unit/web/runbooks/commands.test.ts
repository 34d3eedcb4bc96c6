import { describe, expect, it } from 'vitest';
import type { Machine } from '../../../../src/diagnosis/machine.ts';
import { fillCommand } from '../../../../src/web/runbooks/commands.ts';
import { MACHINE } from '../../../support/machine.ts';

const HERE = { url: 'http://127.0.0.1:10789', telemetryPath: '/metrics' };

function serviceNamed(manager: 'systemd' | 'launchd', name: string): Machine {
  const service = {
    manager,
    name,
    scope: 'user',
    active: true,
    activity: '',
    enabled: true,
    restarts: 0,
    mainPid: undefined,
  } as const;
  return { ...MACHINE, service };
}

const rescueUnit = serviceNamed('systemd', 'openclaw-gateway-rescue.service');
const rescueAgent = serviceNamed('launchd', 'ai.openclaw.rescue');

describe('a command of a runbook', () => {
  it.each([
    ['systemctl --user restart openclaw-gateway', 'systemctl --user restart openclaw-gateway-rescue.service'],
    [
      'systemctl --user kill --signal=SIGKILL openclaw-gateway.service',
      'systemctl --user kill --signal=SIGKILL openclaw-gateway-rescue.service',
    ],
    [
      'journalctl --user -u openclaw-gateway -n 100',
      'journalctl --user -u openclaw-gateway-rescue.service -n 100',
    ],
  ])('names the unit of this machine: %s', (command, filled) => {
    expect(fillCommand(command, rescueUnit, HERE)).toBe(filled);
  });

  it.each([
    [
      'launchctl kickstart -k gui/$(id -u)/ai.openclaw.gateway',
      'launchctl kickstart -k gui/$(id -u)/ai.openclaw.rescue',
    ],
    [
      'launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/ai.openclaw.gateway.plist',
      'launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/ai.openclaw.rescue.plist',
    ],
  ])('names the agent of this machine: %s', (command, filled) => {
    expect(fillCommand(command, rescueAgent, HERE)).toBe(filled);
  });

  it.each([
    'systemctl --user restart openclaw-gateway-exporter',
    'openclaw-gateway-exporter check',
    '--storage.path=/var/lib/openclaw-gateway-exporter',
    'openclaw gateway restart',
  ])('about something else stays as it is: %s', (command) => {
    expect(fillCommand(command, rescueUnit, HERE)).toBe(command);
  });

  it('names the address of this exporter, and not another one’s', () => {
    const exporter = { url: 'https://[::1]:10790', telemetryPath: '/of/this' };
    const fill = (command: string) => fillCommand(command, MACHINE, exporter);
    expect(fill('curl -sS http://127.0.0.1:10789/metrics')).toBe('curl -sS https://[::1]:10790/of/this');
    expect(fill('curl http://127.0.0.1:10789/-/healthy')).toBe('curl https://[::1]:10790/-/healthy');
    expect(fill('curl -sS http://127.0.0.1:18789/healthz')).toBe('curl -sS http://127.0.0.1:18789/healthz');
  });

  it('keeps the usual names for a gateway on another machine, and for a name that a shell would take apart', () => {
    const command = 'systemctl --user restart openclaw-gateway';
    expect(fillCommand(command, { ...rescueUnit, local: false }, HERE)).toBe(command);
    expect(fillCommand(command, serviceNamed('systemd', 'a;reboot.service'), HERE)).toBe(command);
  });
});
