import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8');

/** Lines of the threat model, with the test that each names. */
const lines = [...page.matchAll(/\| `((?:unit|integration)\/[\w/-]+)`: (.+) \|$/gm)].map(
  ([, file = '', title = '']) => ({
    file,
    title,
  }),
);

describe('the threat model', () => {
  it('has a test for every line', () => {
    const model = page.slice(page.indexOf('## Threat model'), page.indexOf('## Who may see what'));
    const rows = model
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (?:attacker|---)/.test(line));
    expect(rows.length).toBeGreaterThan(30);
    expect(lines.length).toBe(rows.length);
  });

  it.each(lines)('$file: $title', ({ file, title }) => {
    const source = readFileSync(join(ROOT, 'test', `${file}.test.ts`), 'utf8').replaceAll("\\'", "'");
    expect(source.includes(title), `no test of ${file} says so`).toBe(true);
  });
});
