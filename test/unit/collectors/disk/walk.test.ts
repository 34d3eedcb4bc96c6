import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPart, STATE_PARTS, type StatePart } from '../../../../src/collectors/disk/source/parts.ts';
import {
  type WalkOptions,
  type WalkOutcome,
  walkStateFolder,
} from '../../../../src/collectors/disk/source/walk.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** Paths of the state folders of 2026.9.6, 2026.7.35 and 2026.5.7, as their gateways made them. */
const RECORDED: readonly (readonly [string, StatePart])[] = [
  ['state/openclaw.sqlite', 'database'],
  ['state/openclaw.sqlite-shm', 'database'],
  ['state/openclaw.sqlite-wal', 'wal'],
  ['tasks/runs.sqlite', 'database'],
  ['tasks/runs.sqlite-wal', 'wal'],
  ['agents/main/agent/openclaw-agent.sqlite', 'agents'],
  ['agents/main/agent/openclaw-agent.sqlite-wal', 'wal'],
  ['agents/main/sessions/sessions.json', 'sessions'],
  ['cache/control-ui-assets/c2ef/assets/about-page.js.br', 'cache'],
  ['tmp/openclaw-0/gateway.1.lock', 'tmp'],
  ['logs/config-health.json', 'logs'],
  ['media/outbound/a.ogg', 'media'],
  ['workspace/notes.db-wal', 'workspace'],
  ['workspace-family/AGENTS.md', 'workspace'],
  ['identity/device.json', 'other'],
  ['openclaw.json', 'other'],
];
const WHOLE: WalkOptions = { pause: () => undefined, maxEntries: 1_000 };

function write(root: string, path: string, bytes = 1): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.alloc(bytes, 1));
  return file;
}

function files(outcome: WalkOutcome): Record<string, number> {
  if (outcome.state !== 'walked') throw new Error(`not walked: ${outcome.state}`);
  return Object.fromEntries([...outcome.parts].map(([part, total]) => [part, total.files]));
}

describe('the part of a file in the state folder', () => {
  it.each(RECORDED)('of %s is %s', (path, part) => {
    expect(findPart(path.split('/'))).toBe(part);
  });

  it('is one of the closed list, whatever the path', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (path) => {
        expect(STATE_PARTS).toContain(findPart(path));
      }),
    );
  });
});

describe('a walk through a state folder', () => {
  it('counts every file once and adds up what it takes on the disk', async () => {
    const root = tempFolder();
    for (const [path] of RECORDED) write(root, path);
    write(root, 'logs/large.log', 100_000);
    const outcome = await walkStateFolder(root, WHOLE);
    const expected = Object.entries(Object.groupBy(RECORDED, ([, part]) => part));
    expect(files(outcome)).toEqual({
      ...Object.fromEntries(expected.map(([part, all]) => [part, all.length])),
      logs: 2,
    });
    const logs = outcome.state === 'walked' ? outcome.parts.get('logs') : undefined;
    expect(logs?.bytes).toBeGreaterThanOrEqual(100_000);
    expect(logs?.bytes).toBeLessThan(150_000);
  });

  it('follows no symbolic link and counts a file with two names once', async () => {
    const [root, outside] = [tempFolder(), tempFolder()];
    write(outside, 'large');
    symlinkSync(outside, join(root, 'logs'));
    symlinkSync(root, join(root, 'ring'));
    linkSync(write(root, 'media/a'), join(root, 'media/b'));
    expect(files(await walkStateFolder(root, WHOLE))).toEqual({ media: 1 });
  });

  it.skipIf(process.getuid?.() === 0)('names the part of a folder that it may not read', async () => {
    const root = tempFolder();
    write(root, 'logs/a/b');
    chmodSync(join(root, 'logs', 'a'), 0);
    const outcome = await walkStateFolder(root, WHOLE);
    chmodSync(join(root, 'logs', 'a'), 0o700);
    expect(outcome).toMatchObject({ unreadable: new Set(['logs']) });
  });

  it('tells a folder that is missing from one that is no folder', async () => {
    const root = tempFolder();
    expect(await walkStateFolder(join(root, 'none'), WHOLE)).toEqual({ state: 'missing' });
    const file = write(root, 'file');
    expect(await walkStateFolder(file, WHOLE)).toEqual({ state: 'unreadable', reason: 'ENOTDIR' });
  });

  it('gives no figures of a folder that is too large for it, nor where it was ended', async () => {
    const root = tempFolder();
    for (let number = 0; number < 20; number += 1) write(root, `logs/${number}`);
    expect(await walkStateFolder(root, { ...WHOLE, maxEntries: 10 })).toMatchObject({ state: 'unreadable' });
    const stopped = await walkStateFolder(root, { ...WHOLE, pause: async () => false });
    expect(stopped).toEqual({ state: 'unreadable', reason: 'the walk was ended' });
  });
});
