import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../support/fresh-clone.ts';
import { textOf } from '../../support/pages.ts';

const PAGES = ['*.md', 'docs/*.md', 'grafana/*.md', 'src/**/*.md'].flatMap((pattern) =>
  globSync(pattern, { cwd: ROOT }),
);
/** A file or folder of this repository, in backticks. */
const PATH = /`((?:src|test|docs|prometheus|grafana|scripts|docker|\.ci|\.github)\/[\w./-]*\w)`/g;
/** A name and the file that declares it. */
const NAME = /`(\w+)` in `((?:src|test|prometheus|grafana)\/[\w./-]+\.ts)`/g;

/** Paths that a page tells its reader to create. */
function findCreated(text: string): string[] {
  return [...text.matchAll(/Create\s+`([^`]+)`/g)].map(([, path = '']) => path);
}

describe.each(PAGES)('%s', (page) => {
  const text = textOf(page);

  it('names only files and folders that exist', () => {
    const created = findCreated(text);
    const missing = [...text.matchAll(PATH)]
      .map(([, path = '']) => path)
      .filter((path) => !created.includes(path) && !existsSync(join(ROOT, path)));
    expect(missing).toEqual([]);
  });

  it('finds names in the files that declare them', () => {
    const missing = [...text.matchAll(NAME)].filter(
      ([, name = '', path = '']) => !new RegExp(`\\b${name}\\b`).test(textOf(path)),
    );
    expect(missing.map(([found]) => found)).toEqual([]);
  });
});
