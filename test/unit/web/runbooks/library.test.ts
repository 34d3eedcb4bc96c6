import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RunbookLibrary } from '../../../../src/web/runbooks/library.ts';
import { ROOT } from '../../../support/fresh-clone.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

function folderWith(files: Readonly<Record<string, string>>): URL {
  const folder = join(tempFolder(), 'runbooks');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return pathToFileURL(`${folder}/`);
}

describe('the library of runbooks', () => {
  it('holds every runbook of docs/runbooks', async () => {
    const files = readdirSync(join(ROOT, 'docs', 'runbooks')).filter((file) => file.endsWith('.md'));
    const names = [...(await new RunbookLibrary().read()).keys()];
    expect(names).toEqual(files.map((file) => file.replace('.md', '')).toSorted());
    expect(names).toContain('OpenClawGatewayDown');
  });

  it('holds nothing but runbooks', async () => {
    const folder = folderWith({
      'OpenClawA.md': '',
      'openclaw-commands.json': '',
      'README.md': '',
      '.OpenClawB.md': '',
    });
    expect([...(await new RunbookLibrary(folder).read()).keys()]).toEqual(['OpenClawA']);
  });

  it('leaves the title to the page, and links to no page that is not served', async () => {
    const folder = folderWith({ 'OpenClawA.md': '# OpenClawA\n\nSee [the table](../cron.md#the-api).\n' });
    const runbook = (await new RunbookLibrary(folder).read()).get('OpenClawA');
    expect(runbook?.text).toBe('\nSee the table (`docs/cron.md`).\n');
  });

  it('is empty where no runbooks are installed', async () => {
    const folder = pathToFileURL(`${join(tempFolder(), 'none')}/`);
    expect((await new RunbookLibrary(folder).read()).size).toBe(0);
  });
});
