import { describe, expect, it } from 'vitest';
import { findMissing } from '../../../scripts/release-check.ts';
import { textOf } from '../../support/pages.ts';

const ADDRESS = 'https://git.forge.test/team/exporter';
const COMPLETE = {
  'package.json': JSON.stringify({
    version: '1.2.3',
    repository: { type: 'git', url: `git+${ADDRESS}.git` },
    bugs: { url: `${ADDRESS}/issues` },
    homepage: ADDRESS,
  }),
  'package-lock.json': JSON.stringify({ version: '1.2.3' }),
  'CHANGELOG.md': '# Changelog\n\n## 1.2.3\n',
  'README.md': `git clone ${ADDRESS}\n`,
  '.github/CODEOWNERS': '* @team\n',
};

/** What is missing when these files replace those of a complete repository. */
function findMissingWith(files: Partial<typeof COMPLETE>): string[] {
  const all: Readonly<Record<string, string>> = { ...COMPLETE, ...files };
  return findMissing((path) => all[path] ?? '');
}

describe('the check before a release', () => {
  it('finds nothing missing in a complete repository', () => {
    expect(findMissingWith({})).toEqual([]);
  });

  it.each(['repository', 'bugs', 'homepage'])('names %s of package.json while it is empty', (field) => {
    const manifest = { ...JSON.parse(COMPLETE['package.json']), [field]: '' };
    const missing = findMissingWith({ 'package.json': JSON.stringify(manifest) });
    expect(missing).toEqual([`package.json: ${field} is empty`]);
  });

  it('names files that still contain the placeholder of the owner', () => {
    const missing = findMissingWith({ '.github/CODEOWNERS': '* @OWNER\n' });
    expect(missing).toEqual(['.github/CODEOWNERS: OWNER is a placeholder']);
  });

  it('names a version that lock file and changelog do not have', () => {
    const missing = findMissingWith({
      'package-lock.json': '{"version":"1.2.2"}',
      'CHANGELOG.md': '## Unreleased\n',
    });
    expect(missing).toEqual([
      'package-lock.json: version 1.2.2, expected 1.2.3',
      'CHANGELOG.md: no section for 1.2.3',
    ]);
  });

  it('can read every file of this repository that it checks', () => {
    expect(() => findMissing(textOf)).not.toThrow();
  });
});
