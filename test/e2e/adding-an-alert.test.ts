import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FreshClone, ROOT } from '../support/fresh-clone.ts';
import { applyGuide } from '../support/guide.ts';
import { blocksOf, textOf } from '../support/pages.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PAGE = 'docs/adding-an-alert.md';
/** The page's commands, without those within the runbook that it creates. */
const COMMANDS = blocksOf(textOf(PAGE).replaceAll(/~~~.*?~~~/gs, ''), 'sh').flatMap((block) =>
  block.trim().split('\n'),
);
const ALERT = /alert: '(\w+)'/.exec(textOf(PAGE))?.[1] ?? 'no alert';

describe(`the alert of ${PAGE}, added to a fresh clone`, () => {
  let clone: FreshClone;

  beforeAll(() => {
    clone = FreshClone.make();
    symlinkSync(join(ROOT, 'node_modules'), join(clone.folder, 'node_modules'));
    applyGuide(clone, PAGE);
  });

  afterAll(() => clone?.remove());

  it.each(COMMANDS)('passes %s', async (command) => {
    const child = clone.shell(command, { HOME: tempFolder() });
    expect(`${await child.exited}\n${child.output}`).toMatch(/^0\n/);
  });

  it.each(['prometheus/rules/gateway.yml', 'docs/alerts.md'])('is in the generated %s', (path) => {
    expect(readFileSync(join(clone.folder, path), 'utf8')).toContain(ALERT);
  });

  it('passes lint and type check', async () => {
    const child = clone.shell('npm run lint && npm run typecheck', { HOME: tempFolder() });
    expect(`${await child.exited}\n${child.output}`).toMatch(/^0\n/);
  });
});
