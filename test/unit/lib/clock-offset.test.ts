import { describe, expect, it } from 'vitest';
import { clockOffset, parseRemoteTime } from '../../../src/lib/clock-offset.ts';
import {
  askSyncStates,
  parseChronyTracking,
  parseSntp,
  parseTimedatectl,
  type SyncTools,
} from '../../../src/os/clock-sync.ts';

/** An exchange that took 2 s, in the middle of which it was 1,700,000,001 by the local clock. */
const EXCHANGE = { startedAtMs: 1_700_000_000_000, endedAtMs: 1_700_000_002_000, tookMs: 2_000 };

describe('what a remote date prints', () => {
  it.each([
    ['nothing, under a forced command', ''],
    ['a greeting', 'Welcome to studio, it is 2026!\n'],
    ['a number that a forced command prints', '1700000001\n'],
    ['another length of fraction', '1700000001.5\n'],
    ['a time in the middle of a line', 'at 1700000001.000000000 all was well\n'],
  ])('is no time where it is %s', (_, text) => {
    expect(parseRemoteTime(text)).toBeUndefined();
  });

  it('is exact from GNU and from newer BSD', () => {
    const time = parseRemoteTime('1700000001.250000000');
    expect(time?.seconds).toBeCloseTo(1_700_000_001.25, 6);
    expect(time?.resolution).toBeLessThan(1e-6);
  });

  it.each([
    ['older macOS, from its documentation', '1700000001.N\n'],
    ['busybox without nanoseconds, from its source', '1700000001.%N\n'],
    ['a host that ends lines as Windows does', '1700000001.N\r\n'],
  ])('is known to the second from %s', (_, text) => {
    expect(parseRemoteTime(text)).toEqual({ seconds: 1_700_000_001, resolution: 1 });
  });

  it('is found behind what a shell greets with', () => {
    expect(parseRemoteTime('hello\n1600000000.N\n1700000001.N\n')?.seconds).toBe(1_700_000_001);
  });
});

describe('the offset of a clock', () => {
  it('is unknown where there is no time, or the local clock was set meanwhile', () => {
    const remote = { seconds: 1_700_000_001, resolution: 1 };
    expect(clockOffset(undefined, EXCHANGE)).toBeUndefined();
    expect(clockOffset(remote, { ...EXCHANGE, endedAtMs: EXCHANGE.endedAtMs + 60_000 })).toBeUndefined();
  });

  const cases = [1e-9, 1].flatMap((resolution) =>
    [-300, 0, 0.4, 300].flatMap((truth) => [0, 0.3, 1].map((share) => ({ resolution, truth, share }))),
  );
  it.each(cases)('holds the truth within its uncertainty: %o', ({ resolution, truth, share }) => {
    const exact = (EXCHANGE.startedAtMs + EXCHANGE.tookMs * share) / 1000 + truth;
    const seconds = resolution === 1 ? Math.floor(exact) : exact;
    const found = clockOffset({ seconds, resolution }, EXCHANGE);
    const error = Math.abs((found?.offset ?? Number.NaN) - truth);
    expect(error).toBeLessThanOrEqual((found?.uncertainty ?? 0) + 1e-6);
  });

  it('is as uncertain as half the exchange and half the step of the clock', () => {
    expect(clockOffset({ seconds: 1_700_000_001, resolution: 1 }, EXCHANGE)?.uncertainty).toBe(1.5);
  });
});

describe('the state of this machine’s own clock', () => {
  it('is unknown where the program says something else', () => {
    for (const parse of [parseTimedatectl, parseChronyTracking, parseSntp]) {
      expect(parse('')).toBeUndefined();
      expect(parse('Failed to connect to bus: Host is down')).toBeUndefined();
    }
  });

  it('is read from timedatectl', () => {
    expect(parseTimedatectl('NTPSynchronized=no\n')).toBe(false);
    expect(parseTimedatectl('NTPSynchronized=yes\n')).toBe(true);
  });

  it('is read from chronyc tracking (from its documentation)', () => {
    const tracking = (leap: string) =>
      `Reference ID    : 5BBD5B5D (time.example)\nStratum         : 3\nSystem time     : 0.000006523 seconds slow of NTP time\nLeap status     : ${leap}\n`;
    expect(parseChronyTracking(tracking('Not synchronised'))).toBe(false);
    expect(parseChronyTracking(tracking('Normal'))).toBe(true);
    expect(parseChronyTracking(tracking('Insert second'))).toBe(true);
  });

  it('is not synchronized where chronyd follows only its own clock, whatever its leap status says', () => {
    // Recorded with chronyd 4.3 and `local stratum 10` alone.
    const local =
      'Reference ID    : 7F7F0101 ()\nStratum         : 10\nRoot dispersion : 0.000000000 seconds\nLeap status     : Normal\n';
    expect(parseChronyTracking(local)).toBe(false);
    expect(parseChronyTracking(local.replace('7F7F0101 ()', 'A29FC801 (time.example)'))).toBe(true);
  });

  it('is not synchronized where the error bound of chronyd has grown beyond a second', () => {
    const tracking = (seconds: string) =>
      `Reference ID    : A29FC801 (time.example)\nRoot dispersion : ${seconds} seconds\nLeap status     : Normal\n`;
    expect(parseChronyTracking(tracking('0.001200300'))).toBe(true);
    expect(parseChronyTracking(tracking('3.700000000'))).toBe(false);
  });

  it('is judged by the offset that sntp finds (from macOS’s documentation)', () => {
    expect(parseSntp('+312.012345 +/- 0.006789 time.apple.com 17.253.4.125\n')).toBe(false);
    expect(parseSntp('-0.012345 +/- 0.006789 time.apple.com 17.253.4.125\n')).toBe(true);
  });

  it('is asked of the programs that are there; sntp only on macOS and only of its configured server', async () => {
    const asked: string[] = [];
    const tools: SyncTools = {
      run: async (file, args) => {
        asked.push([file, ...args].join(' '));
        if (file === 'timedatectl') return { state: 'not_started', code: 'ENOENT' };
        if (file === 'chronyc')
          return { state: 'exited', code: 1, stdout: '', stderr: '506 Cannot talk to daemon' };
        return { state: 'exited', code: 0, stdout: '+0.1 +/- 0.1 time.test 192.0.2.1', stderr: '' };
      },
      env: {},
      platform: 'darwin',
      ntpConf: () => 'server time.test\n',
      signal: new AbortController().signal,
    };
    expect(await askSyncStates(tools)).toEqual([{ source: 'sntp', synchronized: true }]);
    expect(asked.at(-1)).toBe('sntp time.test');
    asked.length = 0;
    expect(await askSyncStates({ ...tools, platform: 'linux' })).toEqual([]);
    expect(await askSyncStates({ ...tools, ntpConf: () => 'server -x\n' })).toEqual([]);
    expect(asked.join()).not.toContain('sntp');
  });
});
