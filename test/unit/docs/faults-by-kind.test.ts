import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(join(ROOT, 'docs', 'faults-by-kind.md'), 'utf8');
const table = page.slice(page.indexOf('## Where the examples are held'));

const held = [...table.matchAll(/\| `((?:unit|integration|e2e)\/[\w/-]+)`: (.+) \|$/gm)].map(
  ([, file = '', title = '']) => ({ file, title }),
);

describe('the examples of each kind of fault', () => {
  it('each have a test', () => {
    const rows = table.split('\n').filter((line) => /^\| (?!situation|---)/.test(line));
    expect(rows.length).toBeGreaterThan(30);
    expect(held).toHaveLength(rows.length);
  });

  it.each(held)('$file: $title', ({ file, title }) => {
    const source = readFileSync(join(ROOT, 'test', `${file}.test.ts`), 'utf8');
    expect(source.includes(title), `no test of ${file} says so`).toBe(true);
  });
});
