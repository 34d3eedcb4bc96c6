import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FreshClone, ROOT } from '../support/fresh-clone.ts';
import { blocksOf, textOf } from '../support/pages.ts';
import { installed } from '../support/promtool.ts';

const PAGE = textOf('docs/your-stack.md');
const COMMANDS = blocksOf(PAGE, 'sh');
const CONFIGURATION = blocksOf(PAGE, 'yaml').filter((yaml) => /^(?:scrape_configs|rule_files):/.test(yaml));
const SECRETS = ['pagerduty-routing-key', 'slack-webhook-url', 'ticket-token', 'heartbeat-token'];

/** Runs the commands of docs/your-stack.md in a clone, with the system's folders below a temporary one. */
describe.skipIf(!installed('promtool') || !installed('amtool'))('docs/your-stack.md in a fresh clone', () => {
  let clone: FreshClone;
  let system: string;

  beforeAll(() => {
    clone = FreshClone.make();
    system = join(clone.folder, 'system');
    symlinkSync(join(ROOT, 'node_modules'), join(clone.folder, 'node_modules'));
    for (const name of SECRETS) writeFileSync(join(clone.folder, name), 'made up\n');
    const etc = join(system, 'etc', 'prometheus');
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(etc, 'prometheus.yml'), CONFIGURATION.join('\n'));
  });

  afterAll(() => clone?.remove());

  /** Without root: the folders are the test's own, and so is every file in them. */
  function relocate(command: string): string {
    return command
      .replaceAll('sudo ', '')
      .replaceAll(' -o prometheus', '')
      .replaceAll(/(?<=[ =])\/(?=etc|var)/g, `${system}/`);
  }

  it.each(COMMANDS)('succeeds with: %s', async (command) => {
    const child = clone.shell(`set -e\n${relocate(command)}`, { HOME: system });
    expect(`${await child.exited}\n${child.output}`).toMatch(/^0\n/);
    if (command.includes('amtool')) expect(child.output.trim().split('\n').at(-1)).toBe('page');
  });

  it('installs every rule file and dashboard of the repository', () => {
    const names = (folder: string) => readdirSync(folder).sort();
    const rules = join(system, 'etc', 'prometheus', 'rules');
    expect(names(rules)).toEqual(names(join(ROOT, 'prometheus', 'rules')));
    const dashboards = join(system, 'var', 'lib', 'grafana', 'dashboards');
    expect(names(dashboards)).toEqual(names(join(ROOT, 'grafana', 'dashboards')));
  });

  it('gives every alert an absolute link to its runbook', () => {
    const rules = join(system, 'etc', 'prometheus', 'rules');
    const links = readdirSync(rules).flatMap((name) =>
      [...readFileSync(join(rules, name), 'utf8').matchAll(/runbook_url: (\S+)/g)].map(([, url = '']) => url),
    );
    expect(links.length).toBeGreaterThan(40);
    expect(links.filter((url) => !/^https:\/\/.+\/docs\/runbooks\/OpenClaw\w+(?:\.md)?$/.test(url))).toEqual(
      [],
    );
  });

  it('installs every secret that alertmanager.yml reads', () => {
    const folder = join(system, 'etc', 'prometheus', 'secrets');
    const files = [...textOf('prometheus/alertmanager.yml').matchAll(/_file: \S+\/([\w-]+)$/gm)];
    expect(files.length).toBeGreaterThan(0);
    for (const [, name = ''] of files) expect(existsSync(join(folder, name)), name).toBe(true);
  });
});
