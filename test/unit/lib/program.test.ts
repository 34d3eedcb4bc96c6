import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProgram } from '../../../src/lib/program.ts';
import { commandRunner } from '../../../src/lib/run-command.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function program(folder: string, mode: number): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'tool');
  writeFileSync(path, '#!/bin/sh\necho found\n');
  chmodSync(path, mode);
  return path;
}

describe('a program on the search path', () => {
  it('is the first file of its name that may be run', () => {
    const root = tempFolder();
    program(join(root, 'a'), 0o644);
    const path = program(join(root, 'b'), 0o755);
    const searchPath = [join(root, 'none'), join(root, 'a'), join(root, 'b')].join(':');
    expect(findProgram('tool', searchPath)).toEqual({ state: 'found', path });
  });

  it('is forbidden where its only file may not be run, and missing where there is none', () => {
    const root = tempFolder();
    program(join(root, 'a'), 0o644);
    mkdirSync(join(root, 'b', 'tool'), { recursive: true });
    expect(findProgram('tool', join(root, 'a'))).toEqual({ state: 'forbidden' });
    expect(findProgram('tool', join(root, 'b'))).toEqual({ state: 'missing' });
    expect(findProgram('tool', '')).toEqual({ state: 'missing' });
  });

  it.runIf(process.getuid?.() === 0)(
    'is missing where a folder that may not be entered could hold it',
    () => {
      const root = tempFolder();
      const closed = join(root, 'closed');
      program(closed, 0o755);
      chmodSync(root, 0o755);
      chmodSync(closed, 0o700);
      const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
      process.setegid?.(65_534);
      process.seteuid?.(65_534);
      try {
        expect(findProgram('tool', closed)).toEqual({ state: 'missing' });
      } finally {
        process.seteuid?.(uid);
        process.setegid?.(gid);
      }
    },
  );

  it('is run although a folder before its own is a loop of links', async () => {
    const root = tempFolder();
    symlinkSync(join(root, 'loop'), join(root, 'loop'));
    program(join(root, 'b'), 0o755);
    const run = commandRunner(new FakeClock());
    const options = {
      signal: new AbortController().signal,
      env: { PATH: `${join(root, 'loop')}:${join(root, 'b')}:/bin` },
    };
    expect(await run('tool', [], options)).toMatchObject({ state: 'exited', stdout: 'found' });
    expect(await run('none', [], options)).toEqual({ state: 'not_started', code: 'ENOENT' });
  });
});
