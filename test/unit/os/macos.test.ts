import { describe, expect, it } from 'vitest';
import type { CommandOutcome, RunCommand } from '../../../src/lib/run-command.ts';
import { MacProcesses, parseLsof, parsePs } from '../../../src/os/macos.ts';

// Documented output of ps(1), lsof(8) and sysctl(8); not tested on macOS.
const PS = ` 4925     1   501 829440 101:23.45 S    Mon Nov 23 00:47:16 2026     /opt/homebrew/bin/node /opt/homebrew/lib/node_modules/openclaw/dist/index.js gateway --port 18789
 5000  4925   501  20480   0:00.30 Ss+  Mon Nov  2 00:47:17 2026     openclaw-gateway
 5001     1     0      0   0:00.00 Z    Mon Nov 23 00:47:17 2026     (node)
 5002     1   502   1024   0:01.00 U    Mon Nov 23 00:47:18 2026     openclaw
garbage
`;
const LSOF = 'p4925\ncnode\nf24\nn127.0.0.1:18789\nf25\nn[::1]:18789\np5002\nf3\nn*:18791\n';

const exited = (stdout: string, code = 0): CommandOutcome => ({ state: 'exited', code, stdout, stderr: '' });
const signal = new AbortController().signal;

/** Stands in for macOS' own programs. */
const fakeMac = (lsof: CommandOutcome): RunCommand => {
  const answers: Readonly<Record<string, CommandOutcome>> = {
    '/bin/ps': exited(PS),
    '/usr/sbin/lsof': lsof,
    '/usr/sbin/sysctl': exited('1F3B-BOOT\n'),
  };
  return async (file) => answers[file] ?? { state: 'not_started', code: 'ENOENT' };
};

describe('the table of ps', () => {
  it('leaves out lines it does not understand', () => {
    expect(parsePs('garbage\n\n 1 2 3\n')).toEqual([]);
  });

  it('tells memory in bytes, time in seconds and the start as one steady text', () => {
    const [gateway, titled, zombie, stuck] = parsePs(PS);
    expect(gateway).toMatchObject({
      pid: 4925,
      ppid: 1,
      uid: 501,
      residentBytes: 829_440 * 1024,
      cpuSeconds: 101 * 60 + 23.45,
      state: 'sleeping',
      start: 'Mon Nov 23 00:47:16 2026',
      startedAtMs: new Date(2026, 10, 23, 0, 47, 16).getTime(),
      comm: 'node',
    });
    expect(gateway?.argv.slice(-3)).toEqual(['gateway', '--port', '18789']);
    expect(titled).toMatchObject({ argv: ['openclaw-gateway'], start: 'Mon Nov 2 00:47:17 2026' });
    expect(zombie).toMatchObject({ state: 'zombie', argv: [] });
    expect(stuck?.state).toBe('disk');
  });
});

describe('the list of lsof', () => {
  it('is empty where nothing listens', () => {
    expect(parseLsof('')).toEqual(new Map());
  });

  it('gives each process its addresses, of both families', () => {
    expect(parseLsof(LSOF)).toEqual(
      new Map([
        [
          4925,
          [
            { host: '127.0.0.1', port: 18_789 },
            { host: '::1', port: 18_789 },
          ],
        ],
        [5002, [{ host: '0.0.0.0', port: 18_791 }]],
      ]),
    );
  });
});

describe('processes of a Mac', () => {
  it('cannot be looked at where ps does not start', async () => {
    const run: RunCommand = async () => ({ state: 'not_started', code: 'ENOENT' });
    await expect(new MacProcesses(run, 501).table(signal)).rejects.toThrow('ps gave no answer');
  });

  it('has nobody on a port that lsof does not find', async () => {
    expect(
      await new MacProcesses(fakeMac(exited('', 1)), 501).listener(
        { host: '127.0.0.1', port: 18_789 },
        [],
        signal,
      ),
    ).toEqual({
      state: 'nobody',
    });
  });

  it("does not pretend to know another user's ports", async () => {
    const mac = new MacProcesses(fakeMac(exited('', 1)), 501);
    await mac.table(signal);
    expect(await mac.listens(5002, 18_789, signal)).toBe('unknown');
    expect(await mac.listens(4925, 18_789, signal)).toBe('no');
  });

  it('tells the listener of the port and what it uses', async () => {
    const mac = new MacProcesses(fakeMac(exited(LSOF)), 501);
    await mac.table(signal);
    expect(await mac.bootId(signal)).toBe('1F3B-BOOT');
    expect(await mac.listener({ host: '127.0.0.1', port: 18_789 }, [], signal)).toEqual({
      state: 'process',
      pid: 4925,
    });
    const row = await mac.row(4925);
    expect(row && (await mac.figures(row))).toMatchObject({
      residentBytes: 829_440 * 1024,
      openFds: undefined,
    });
  });
});
