import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planCollector } from '../../../scripts/new-collector.ts';
import { ROOT } from '../../support/fresh-clone.ts';
import { textOf } from '../../support/pages.ts';

const LIST = textOf('src/collectors/index.ts');

describe('npm run new:collector', () => {
  it('makes a collector with source, test and documentation, and adds it to the list', () => {
    const paths = planCollector('backup', LIST).map(({ path }) => path);
    expect(paths).toEqual([
      'src/collectors/backup/README.md',
      'test/unit/collectors/backup/collector.test.ts',
      'src/collectors/backup/collector.ts',
      'src/collectors/backup/source/read.ts',
      'src/collectors/index.ts',
    ]);
  });

  it('leaves no name of the template', () => {
    for (const { text } of planCollector('backup', LIST)) expect(text).not.toMatch(/gadget/i);
  });

  it('lists the collector after all others', () => {
    const list = planCollector('backup', LIST).find(({ path }) => path.endsWith('index.ts'))?.text ?? '';
    expect(list).toContain("import { backupCollector } from './backup/collector.ts';\n");
    expect(list).toMatch(/\n {2}backup: backupCollector,\n\};/);
  });

  it('leaves no TODO behind in a collector of this repository', () => {
    const files = globSync('src/collectors/**/*', { cwd: ROOT }).filter((path) => /\.(ts|md)$/.test(path));
    expect(files.filter((path) => textOf(path).includes('TODO'))).toEqual([]);
  });
});
