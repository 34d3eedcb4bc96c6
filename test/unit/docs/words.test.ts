import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../support/fresh-clone.ts';
import { textOf } from '../../support/pages.ts';

/**
 * Words that CONTRIBUTING's glossary replaces, with what to write instead. HELP texts, flags, keys of the
 * configuration and thresholds are checked through the reference pages that are generated from them.
 */
const REPLACED: readonly (readonly [RegExp, string])[] = [
  [/\blook(?:s|ed|ing)?\b(?! like)/i, 'run, collect, probe, read, observe'],
  [/\bask(?:s|ed|ing)?\b(?! for\b)/i, 'query, probe, request'],
  [/\brounds?\b(?! trip)/i, 'run'],
  [/\bcut\b/i, 'cancel, truncate, limit'],
  [/\blets? go\b/i, 'settle, release'],
  [/\btold\b/i, 'reported'],
  [/\bsaid\b/i, 'reported'],
  [/\bblind\b/i, 'unknown, error'],
  [/\b(?:some|any|no|every)body\b/i, 'the component or person meant'],
  [/\bwhom\b/i, 'the component or person meant'],
  [/\banew\b/i, 'again'],
  [/\bstands? still\b/i, 'is not updated'],
  [/\brenews? itself\b/i, 'refreshes'],
];

/** Pages that quote what programs print, or were recorded. */
const QUOTING = ['docs/first-session.md', 'docs/benchmarks.md', 'docs/fault-matrix.md', 'CHANGELOG.md'];
/** Pages whose texts are not reworded yet. */
const PENDING = ['docs/configuration.md', 'docs/metrics.md'];
const PAGES = ['*.md', '.github/**/*.md', 'docs/**/*.md', 'grafana/*.md', 'prometheus/*.md', 'docker/**/*.md']
  .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
  .filter((page) => !QUOTING.includes(page) && !PENDING.includes(page));

/** A page without code, addresses and the titles of tests, each of which may hold any word. */
function extractProse(page: string): string {
  return textOf(page)
    .replaceAll(/^ *```.*?^ *```$/gms, '')
    .replaceAll(/`(?:unit|integration|e2e)\/.*(?= \|$)/gm, '')
    .replaceAll(/`[^`\n]*`/g, '')
    .replaceAll(/\]\([^)]*\)/g, ']');
}

/** Lines that use a replaced word, each with what to write instead. */
function findReplacedWords(prose: string): string[] {
  return prose.split('\n').flatMap((line) =>
    REPLACED.flatMap(([pattern, instead]) => {
      const word = pattern.exec(line)?.[0];
      return word === undefined ? [] : [`"${word}" (write: ${instead}): ${line.trim()}`];
    }),
  );
}

describe('the glossary', () => {
  it('finds a word that it replaces, but not within code', () => {
    expect(findReplacedWords('It is told.')).toHaveLength(1);
    expect(extractProse('README.md')).not.toContain('npm install');
  });

  it.each(PAGES)('is kept by %s', (page) => {
    expect(findReplacedWords(extractProse(page))).toEqual([]);
  });
});
