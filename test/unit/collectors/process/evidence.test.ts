import { describe, expect, it } from 'vitest';
import { findObstacle, serviceEvidence } from '../../../../src/collectors/process/evidence.ts';
import type { Finding } from '../../../../src/collectors/process/find.ts';
import type { ServiceState } from '../../../../src/openclaw/service/manager.ts';

const looping: ServiceState = {
  manager: 'systemd',
  name: 'openclaw-gateway.service',
  scope: 'user',
  active: false,
  activity: 'activating (auto-restart)',
  enabled: true,
  restarts: 43_175,
  mainPid: undefined,
};
const nothing: Finding = {
  gateway: undefined,
  holder: { kind: 'nobody' },
  duplicates: [],
  unclear: undefined,
};
const row = {
  pid: 7,
  ppid: 1,
  start: '7',
  startedAtMs: 0,
  state: 'sleeping',
  comm: 'node',
  argv: [],
} as const;
const running: Finding = { ...nothing, gateway: { row, by: 'lock_file', lock: undefined } };

describe('a service that is not active', () => {
  const say = (known: Partial<ServiceState>) =>
    serviceEvidence({ ...looping, ...known }, 18_789, undefined)[0];

  it('on its way up or down is a warning without a step', () => {
    expect(say({ activity: 'activating (start-pre)' })).toMatchObject({
      verdict: 'warning',
      fault: 'starting',
    });
    const stopping = say({ activity: 'deactivating (stop-sigterm)', unchangedSeconds: 20 });
    expect(stopping).toMatchObject({ verdict: 'warning', fault: 'draining' });
    expect(stopping?.repair).toBeUndefined();
  });

  it('whose stop takes longer than the gateway may finish its work hangs', () => {
    const hung = say({ activity: 'deactivating (stop-sigterm)', unchangedSeconds: 600 });
    expect(hung).toMatchObject({
      verdict: 'bad',
      text: expect.stringContaining('for 10 minutes: its stop hangs'),
    });
  });

  it.each([
    [{ activity: 'failed (failed)', result: 'start-limit-hit' }, 'after too many starts in a row'],
    [{ activity: 'failed (failed)', result: 'oom-kill' }, 'for want of memory'],
    [{ activity: 'failed (failed)', result: 'timeout' }, 'took too long'],
    [{ activity: 'inactive (dead)', isMasked: true }, 'it is masked'],
  ] as const)('with %j says why', (known, text) => {
    expect(say(known)).toMatchObject({ verdict: 'bad', text: expect.stringContaining(text) });
  });
});

describe('a service that starts again and again', () => {
  it('names the program that holds its port', () => {
    const holder = { kind: 'other', name: 'python3', pid: 9, isGateway: false } as const;
    const obstacle = findObstacle(nothing, { holder, service: looping }, undefined);
    const [said] = serviceEvidence(looping, 18_789, obstacle);
    expect(said).toMatchObject({ verdict: 'bad', fault: 'port-held', pid: 9 });
    expect(said?.text).toContain('port 18789 is held by python3 (process 9)');
  });

  it('names the gateway that was started outside it', () => {
    const obstacle = findObstacle(running, { holder: { kind: 'gateway' }, service: looping }, 'ssh.service');
    const [said] = serviceEvidence(looping, 18_789, obstacle);
    expect(said).toMatchObject({ verdict: 'warning', fault: 'port-held', pid: 7 });
    expect(said?.text).toContain('the gateway runs outside it, as process 7');
  });

  it('has no obstacle in its own process, and is then told as a loop', () => {
    const holder = { kind: 'gateway' } as const;
    expect(findObstacle(running, { holder, service: { ...looping, mainPid: 7 } }, undefined)).toBeUndefined();
    expect(findObstacle(running, { holder, service: looping }, looping.name)).toBeUndefined();
    expect(serviceEvidence(looping, 18_789, undefined)[0]).toMatchObject({ fault: 'service-loop' });
  });
});
