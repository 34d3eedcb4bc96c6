import { describe, expect, it } from 'vitest';
import {
  type Circumstances,
  findObstacle,
  processEvidence,
  serviceEvidence,
} from '../../../../src/collectors/process/evidence.ts';
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

const MINUTE = 60_000;
const around: Circumstances = {
  subject: '127.0.0.1:18789',
  port: 18_789,
  location: {
    target: { named: 'local', url: new URL('ws://127.0.0.1:18789') },
    by: 'default',
    configured: undefined,
    unknown: undefined,
  },
  servicePort: undefined,
  live: undefined,
  holder: { kind: 'gateway' },
  nowMs: 120 * MINUTE,
  startupWindowMs: 0,
  hasListened: true,
  service: undefined,
  restarts: { state: 'known', total: 0 },
  restartedAtMs: [],
  figures: undefined,
};

describe('a gateway that listens elsewhere than it was asked', () => {
  const listens = { host: '127.0.0.1', port: 19_000 };
  const say = (by: Circumstances['location']['by']) =>
    processEvidence(running, {
      ...around,
      live: { listens: [listens], port: listens.port },
      location: { ...around.location, by, configured: { port: around.port, host: undefined, by: 'config' } },
    }).find(({ fault }) => fault === 'address-drift');

  it.each(['process', 'config', 'service', 'profile', 'default'] as const)(
    'by its files is repaired in them, whether or not its process was known before (%s)',
    (by) => {
      expect(say(by)?.repair).toBe('openclaw config set gateway.port 19000');
    },
  );

  it.each([
    ['env', 'let OPENCLAW_GATEWAY_URL or _PORT name 127.0.0.1:19000, or remove it'],
    ['exporter', "let the exporter's gateway.url name 127.0.0.1:19000, or remove it"],
  ] as const)('by %s is repaired there', (by, repair) => {
    expect(say(by)?.repair).toBe(repair);
  });
});

describe('restarts', () => {
  const say = (...minutesAgo: readonly number[]) =>
    processEvidence(running, {
      ...around,
      restartedAtMs: minutesAgo.map((minutes) => around.nowMs - minutes * MINUTE),
    }).find(({ fault }) => fault === 'crash-loop');

  it('are a crash loop from the fourth in a quarter of an hour on, also while the gateway answers', () => {
    expect(say(14, 9, 5, 1)).toMatchObject({
      verdict: 'bad',
      text: 'it has been restarted 4 times in the last 14 minutes',
    });
    expect(say(16, 9, 5, 1)).toBeUndefined();
  });

  it('are a slow crash loop from the eighth in two hours on', () => {
    expect(say(110, 95, 80, 65, 50, 35, 20, 5)).toMatchObject({
      verdict: 'bad',
      text: 'it has been restarted 8 times in the last 110 minutes',
    });
    expect(say(130, 95, 80, 65, 50, 35, 20, 5)).toBeUndefined();
  });
});

describe('open files', () => {
  const say = (openFds: number | undefined, maxFds: number | undefined) =>
    processEvidence(running, { ...around, figures: { openFds, maxFds } }).find(
      ({ fault }) => fault === 'fd-leak',
    );

  it('near their limit are a warning that counts them', () => {
    expect(say(206, 256)).toMatchObject({
      verdict: 'warning',
      text: expect.stringContaining('206 of the 256 files and sockets'),
      repair: 'openclaw gateway restart',
    });
  });

  it('are no fault below four fifths of it, nor where either is unknown', () => {
    expect(say(204, 256)).toBeUndefined();
    expect(say(undefined, 256)).toBeUndefined();
    expect(say(206, undefined)).toBeUndefined();
  });
});

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
