import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Exporter } from '../support/exporter.ts';
import { sampleOf } from '../support/exposition.ts';
import { FreshClone, ROOT } from '../support/fresh-clone.ts';
import { applyGuide } from '../support/guide.ts';
import { blocksOf, textOf } from '../support/pages.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PAGE = 'docs/adding-a-collector.md';
const [generate = '', ...checks] = blocksOf(textOf(PAGE), 'sh').flatMap((block) => block.trim().split('\n'));
const METRIC = /'(openclaw_\w+)'/.exec(textOf(PAGE))?.[1] ?? 'no metric';
const ABSENT = /absent: '(.+?)'/.exec(textOf(PAGE))?.[1] ?? 'no meaning';

describe(`the collector of ${PAGE}, added to a fresh clone`, () => {
  let clone: FreshClone;

  beforeAll(() => {
    clone = FreshClone.make();
    symlinkSync(join(ROOT, 'node_modules'), join(clone.folder, 'node_modules'));
  });

  afterAll(() => clone?.remove());

  async function run(command: string): Promise<void> {
    const child = clone.shell(command, { HOME: tempFolder() });
    expect(`${await child.exited}\n${child.output}`).toMatch(/^0\n/);
  }

  it('begins as a skeleton that is linted, typed and tested', async () => {
    await run(generate);
    await run('npm run format && npm run lint && npm run typecheck');
    await run('npx vitest run --project unit collectors/changes');
  });

  it('can be written as the page shows it', () => {
    applyGuide(clone, PAGE);
    expect(readFileSync(join(clone.folder, 'src/collectors/index.ts'), 'utf8')).toContain('changesCollector');
  });

  it.each(checks)('passes %s', async (command) => {
    await run(command);
  });

  it('is in the reference, with the meaning of its absence', () => {
    const reference = readFileSync(join(clone.folder, 'docs', 'metrics.md'), 'utf8');
    const row = reference.split('\n').find((line) => line.includes(`\`${METRIC}\``));
    expect(row).toContain(ABSENT);
  });

  it('answers its question in the running exporter', async () => {
    const stateDir = tempFolder();
    writeFileSync(join(stateDir, 'openclaw.json'), '{}');
    const exporter = await Exporter.start({ env: { OPENCLAW_STATE_DIR: stateDir }, root: clone.folder });
    try {
      await exporter.untilMetrics('its metric', (series) => (sampleOf(series, METRIC) ?? 0) > 0);
    } finally {
      await exporter.stop();
      exporter.remove();
    }
  });
});
