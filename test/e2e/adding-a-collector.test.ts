import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Exporter } from '../support/exporter.ts';
import { sampleOf } from '../support/exposition.ts';
import { FreshClone, ROOT } from '../support/fresh-clone.ts';
import { blocksOf, textOf } from '../support/pages.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** The page's pieces of code in the order of its steps, as they stand there. */
const [source = '', collector = '', line = ''] = blocksOf(textOf('docs/adding-a-collector.md'), 'ts');
const METRIC = /'(openclaw_\w+)'/.exec(collector)?.[1] ?? 'no metric';

describe('the collector of docs/adding-a-collector.md, added to a fresh clone as the page tells it', () => {
  let clone: FreshClone;

  beforeAll(() => {
    clone = FreshClone.make();
    symlinkSync(join(ROOT, 'node_modules'), join(clone.folder, 'node_modules'));
    const name = /^(\w+):/.exec(line)?.[1] ?? '';
    writeFileSync(join(clone.folder, 'src', 'os', `${name}.ts`), source);
    mkdirSync(join(clone.folder, 'src', 'collectors', name));
    writeFileSync(join(clone.folder, 'src', 'collectors', name, 'collector.ts'), collector);
    const list = 'src/collectors/index.ts';
    edit(
      list,
      "import { cronCollector } from './cron/collector.ts';",
      `import { ${name}Collector } from './${name}/collector.ts';\n`,
    );
    edit(list, 'cron: cronCollector,', line);
  });

  afterAll(() => clone?.remove());

  /** Puts lines behind the one that ends so. */
  function edit(path: string, after: string, lines: string): void {
    const file = join(clone.folder, path);
    const text = readFileSync(file, 'utf8');
    expect(text.split(`${after}\n`)).toHaveLength(2);
    writeFileSync(file, text.replace(`${after}\n`, `${after}\n${lines}`));
  }

  async function run(command: string): Promise<void> {
    const child = clone.shell(command, { HOME: tempFolder() });
    expect(`${await child.exited}\n${child.output}`).toMatch(/^0\n/);
  }

  it('is formatted, typed and used as everything else is', async () => {
    await run('npm run format && npm run lint && npm run typecheck');
  });

  it('stands in the reference with what its absence and its zero mean', async () => {
    await run('npm run docs');
    const [absent, zero] = ['absent', 'zero'].map(
      (key) => new RegExp(`${key}: '(.+?)'`).exec(collector)?.[1],
    );
    const row = readFileSync(join(clone.folder, 'docs', 'metrics.md'), 'utf8')
      .split('\n')
      .find((line) => line.includes(`\`${METRIC}\``));
    expect(row).toContain(absent);
    expect(row).toContain(zero);
  });

  it('answers its question in the running exporter', async () => {
    const stateDir = tempFolder();
    const exporter = await Exporter.start({ env: { OPENCLAW_STATE_DIR: stateDir }, root: clone.folder });
    try {
      await exporter.untilMetrics('its metric', (series) => (sampleOf(series, METRIC) ?? 0) > 0);
    } finally {
      await exporter.stop();
      exporter.remove();
    }
  });
});
