import { existsSync, globSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COLLECTOR_DEFAULTS } from '../../../src/collectors/index.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { ROOT } from '../../support/fresh-clone.ts';
import { blocksOf, textOf } from '../../support/pages.ts';
import { installed, runProgram } from '../../support/promtool.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const PAGES = ['*.md', 'docs/**/*.md', 'grafana/*.md', 'prometheus/**/*.md', '.github/**/*.md'].flatMap(
  (pattern) => globSync(pattern, { cwd: ROOT }),
);
const CODE = /^ *```.*?^ *```$/gms;

const proseOf = (page: string) => textOf(page).replaceAll(CODE, '');

/** The name under which a forge links to a heading. */
function anchorOf(heading: string): string {
  return heading
    .replaceAll(/\[(.*?)\]\(.*?\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

const anchorsOf = (page: string) =>
  [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

/** Links within the repository that lead nowhere. */
function brokenLinksOf(page: string): string[] {
  const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor);
  });
}

/** The first keys; of a list of targets, as Prometheus reads it from a file, those of its elements. */
function keysOf(value: object): string[] {
  return [...new Set((Array.isArray(value) ? value : [value]).flatMap(Object.keys))];
}

interface Example {
  readonly page: string;
  readonly yaml: string;
  readonly keys: readonly string[];
}

/** Every piece of YAML on every page, with its first keys. */
const EXAMPLES: readonly Example[] = PAGES.flatMap((page) =>
  blocksOf(textOf(page), 'yaml').map((yaml) => ({ page, yaml, keys: keysOf(parse(yaml)) })),
);
const isOf = (key: RegExp) => EXAMPLES.filter(({ keys }) => keys.some((one) => key.test(one)));
const PROMETHEUS = isOf(/^(scrape_configs|rule_files|alerting)$/);
const WEB = isOf(/^(tls_server_config|basic_auth_users|http_server_config)$/);
const TARGETS = isOf(/^targets$/);
const RULES = isOf(/^groups$/);
const OWN = EXAMPLES.filter((example) => ![...PROMETHEUS, ...WEB, ...TARGETS, ...RULES].includes(example));

describe('a page of the documentation', () => {
  it.each(PAGES)('%s has no link that leads nowhere', (page) => {
    expect(brokenLinksOf(page)).toEqual([]);
  });

  it.each(OWN)('$page shows only configuration that the exporter takes: $keys', ({ yaml }) => {
    expect(parseConfig(yaml, COLLECTOR_DEFAULTS)).toMatchObject({ state: 'valid' });
  });

  it.skipIf(!installed('promtool')).each(PROMETHEUS)(
    '$page shows only configuration that Prometheus takes: $keys',
    async ({ yaml }) => {
      const folder = tempFolder();
      writeFileSync(join(folder, 'prometheus.yml'), yaml);
      const result = await runProgram(
        'promtool',
        ['check', 'config', '--syntax-only', 'prometheus.yml'],
        folder,
      );
      expect(result).toMatchObject({ ok: true });
    },
  );

  it.skipIf(!installed('promtool')).each(RULES)(
    '$page shows only rules that Prometheus takes',
    async ({ yaml }) => {
      const folder = tempFolder();
      writeFileSync(join(folder, 'rules.yml'), yaml);
      expect(await runProgram('promtool', ['check', 'rules', 'rules.yml'], folder)).toMatchObject({
        ok: true,
      });
    },
  );

  it('is among those that are looked at, with examples of each kind', () => {
    expect(PAGES).toContain('README.md');
    for (const examples of [PROMETHEUS, WEB, OWN]) expect(examples).not.toEqual([]);
  });
});
