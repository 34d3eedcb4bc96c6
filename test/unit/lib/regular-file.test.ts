import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ensurePrivateFile,
  explainFileError,
  readRegularSync,
  replaceFileSync,
} from '../../../src/lib/regular-file.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const modeOf = (path: string) => statSync(path).mode & 0o777;

function pipe(name: string): string {
  const path = join(tempFolder(), name);
  execFileSync('mkfifo', [path]);
  return path;
}

describe('a file of the exporter’s own', () => {
  it('is not read where it is a pipe, which nobody may ever write', () => {
    const read = () => readRegularSync(pipe('exporter.yml'), 100);
    expect(read).toThrow('not a regular file');
  });

  it('is not read where it is larger than it can be', () => {
    const path = join(tempFolder(), 'file');
    writeFileSync(path, 'x'.repeat(101));
    expect(() => readRegularSync(path, 100)).toThrow('larger than is read');
    expect(readRegularSync(path, 101)).toHaveLength(101);
  });

  it('is for its owner alone, whatever its mode was and whatever its folder allows', () => {
    const folder = tempFolder();
    chmodSync(folder, 0o755);
    const [fresh, former] = [join(folder, 'fresh'), join(folder, 'former')];
    writeFileSync(former, 'kept', { mode: 0o644 });
    for (const path of [fresh, former]) {
      ensurePrivateFile(path);
      expect(modeOf(path)).toBe(0o600);
    }
    expect(readFileSync(former, 'utf8')).toBe('kept');
    expect(() => ensurePrivateFile(pipe('state.lock'))).toThrow('not a regular file');
  });

  it('is replaced whole, although a pipe lies where the new one is written', () => {
    const path = pipe('file.new').replace(/\.new$/, '');
    replaceFileSync(path, 'new', 0o600);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('is named by no path in what says why it cannot be used', () => {
    const errors = ['ENOENT', 'ENOTREG', 'EISDIR', 'EFBIG'].map((code) =>
      Object.assign(new Error('/home/me'), { code }),
    );
    expect(errors.map(explainFileError)).toEqual([
      'ENOENT',
      'not a regular file',
      'not a regular file',
      'too large',
    ]);
    expect(explainFileError(new Error('/home/me'))).toBe('unreadable');
  });
});
