import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { historySchema } from '../../../src/diagnosis/journal/history.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/history.md'), 'utf8');
/** The text of each key's row in the table of docs/history.md. */
const rows = new Map(
  page
    .split('\n')
    .filter((line) => /^\| `\w+`/.test(line))
    .flatMap((line) => {
      const [, keys = '', , meaning = ''] = line.split(' | ').map((cell) => cell.trim());
      const first = line.split('|')[1] ?? '';
      return [...first.matchAll(/`(\w+)`/g)].map(
        ([, key = '']) => [key, `${keys} ${meaning} ${line}`] as const,
      );
    }),
);
const { shape } = historySchema;

describe('the schema of /history.json in docs/history.md', () => {
  it('has every key that is served, and no other', () => {
    expect([...rows.keys()].sort()).toEqual(Object.keys(shape).sort());
  });

  it.each(['gaps', 'incidents', 'events', 'changes', 'jobs', 'runs'] as const)(
    'names every key of %s',
    (list) => {
      const element = shape[list].element;
      const missing = Object.keys(element.shape).filter((key) => !rows.get(list)?.includes(`\`${key}\``));
      expect(missing).toEqual([]);
    },
  );

  it('has the version that is served', () => {
    expect(rows.get('version')).toContain(`| ${shape.version.value} |`);
  });
});
