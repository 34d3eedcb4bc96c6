import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupChildren } from '../../../src/openclaw/children.ts';
import { type Descendant, findDescendants } from '../../../src/os/processes.ts';

const GATEWAY = 2390;
const DIST = '/usr/lib/node_modules/openclaw/dist';

function row(pid: number, ppid: number, ...argv: readonly string[]): Descendant {
  const comm = argv[0]?.split('/').at(-1)?.slice(0, 15) ?? 'defunct';
  return { pid, ppid, comm, argv, residentBytes: pid };
}

/** Recorded below a 2026.9.6 gateway while a command job ran; its own programs are there at rest too. */
const RECORDED = [
  { ...row(2591, GATEWAY, '/usr/bin/node', `${DIST}/process/spawn-broker/worker.js`), comm: 'MainThread' },
  {
    ...row(
      2599,
      GATEWAY,
      '/usr/bin/node',
      `${DIST}/infra/sqlite-readonly-location.worker.js`,
      '--openclaw-sqlite-readonly-child',
      'session',
    ),
    comm: 'MainThread',
  },
  row(5164, 2591, '/bin/sh', '-c', 'sleep 150 & sleep 151; true'),
  row(5166, 5164, 'sleep', '150'),
  row(5167, 5164, 'sleep', '151'),
];
/** An MCP server as 2026.9.6 starts it: below a relay and a group anchor. */
const SERVER = [
  row(10, 2591, '/usr/bin/node', `${DIST}/process/supervisor/service-child-relay.js`),
  row(11, 10, '/usr/bin/node', `${DIST}/process/supervisor/service-child-group-anchor.js`),
  row(12, 11, 'npm exec weather', '--stdio'),
  row(13, 12, 'sh', '-c', 'weather --stdio'),
  row(14, 13, 'node', '/home/u/.npm/_npx/1/node_modules/.bin/weather', '--stdio'),
];

function count(rows: readonly Descendant[]): Record<string, number> {
  return Object.fromEntries([...groupChildren(rows)].map(([kind, group]) => [kind, group.count]));
}

describe('the processes below a gateway', () => {
  it('are its own helpers at rest', () => {
    expect(count(RECORDED.slice(0, 2))).toEqual({ other: 2 });
  });

  it('are a command with all that it started, where the broker runs one', () => {
    expect(count(RECORDED)).toEqual({ other: 2, command: 3 });
    expect(groupChildren(RECORDED).get('command')?.residentBytes).toBe(5164 + 5166 + 5167);
  });

  it('are an MCP server with its launcher and shell below a group anchor', () => {
    expect(count([...RECORDED.slice(0, 2), ...SERVER])).toEqual({ other: 4, mcp: 3 });
  });

  it('are told by their command line where an older gateway starts them itself', () => {
    const rows = [
      row(1, GATEWAY, 'npx', '-y', '@modelcontextprotocol/server-filesystem', '/data'),
      row(2, 1, 'node', '/home/u/.npm/_npx/a/dist/index.js', '/data'),
      row(3, GATEWAY, 'uvx', 'mcp-server-git'),
      row(4, GATEWAY, '/bin/bash', '-c', 'curl https://example.org/mcp'),
      row(5, 4, 'curl', 'https://example.org'),
      row(6, GATEWAY, 'ffmpeg', '-i', 'a.ogg'),
    ];
    expect(count(rows)).toEqual({ mcp: 3, command: 2, other: 1 });
  });

  it('are a browser or an agent CLI by their own name, whatever started them', () => {
    const rows = [
      row(1, GATEWAY, 'npx', '@playwright/mcp'),
      row(2, 1, '/opt/google/chrome/chrome', '--headless'),
      { ...row(3, 2, '/opt/google/chrome/chrome', '--type=renderer'), comm: 'chrome' },
      row(4, GATEWAY, 'node', '/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js', '-p'),
      row(5, 4, '/bin/sh', '-c', 'git status'),
      row(6, GATEWAY, '/usr/local/bin/codex', 'exec'),
    ];
    expect(count(rows)).toEqual({ mcp: 1, browser: 2, agent_cli: 3 });
  });

  it('are counted where their arguments cannot be read, as zombies are', () => {
    expect(count([row(1, GATEWAY)])).toEqual({ other: 1 });
  });

  it('are each counted once, whatever their names', () => {
    const names = fc.string({ unit: 'binary', maxLength: 20 });
    const rows = fc.array(fc.tuple(fc.nat(9), names, fc.array(names, { maxLength: 8 })), { maxLength: 30 });
    fc.assert(
      fc.property(rows, (all) => {
        const tree = all.map(([ppid, comm, argv], pid) => ({ pid, ppid, comm, argv, residentBytes: 1 }));
        const groups = [...groupChildren(tree).values()];
        expect(groups.reduce((sum, group) => sum + group.count, 0)).toBe(all.length);
      }),
    );
  });
});

describe('the descendants of a process', () => {
  it('are found at every depth, parents first, and nothing else', () => {
    const all = [row(5, 4), row(4, 2), row(3, 1), row(2, 1), row(9, 8)];
    expect(findDescendants(all, 1).map(({ pid }) => pid)).toEqual([3, 2, 4, 5]);
  });

  it('end where a table that was read while pids were used anew goes in a ring', () => {
    expect(findDescendants([row(2, 3), row(3, 2), row(2, 1)], 1).map(({ pid }) => pid)).toEqual([2, 3]);
  });
});
