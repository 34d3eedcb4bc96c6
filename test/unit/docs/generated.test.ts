import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../support/fresh-clone.ts';
import { textOf } from '../../support/pages.ts';

const PLACES = ['*', 'docs/*', 'prometheus/*/*', 'deploy/*/*/*', 'grafana/*', 'grafana/dashboards/*'];
/** Files that say in their first lines that a program makes them. */
const GENERATED = PLACES.flatMap((place) => globSync(`${place}.{md,yml,yaml,json}`, { cwd: ROOT })).filter(
  (path) => /(?:generated|made|recorded) by `?npm run/i.test(textOf(path).slice(0, 400)),
);
/** Files that .gitattributes marks. */
const MARKED = new Set(
  [...textOf('.gitattributes').matchAll(/^(\S+) linguist-generated$/gm)].flatMap(([, pattern = '']) =>
    globSync(pattern, { cwd: ROOT }),
  ),
);

describe('a generated file', () => {
  it('is found by what its first lines say', () => {
    expect(GENERATED).toContain('docs/metrics.md');
    expect(GENERATED).toContain('prometheus/rules/gateway.yml');
  });

  it.each(GENERATED)('%s is marked in .gitattributes', (path) => {
    expect(MARKED).toContain(path);
  });
});
