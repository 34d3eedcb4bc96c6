import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** Records of what commands did or what was printed, the article's own words, and lists of what is no repair. */
const RECORDS = [
  'alert-stories.md',
  'benchmarks.md',
  'fault-matrix.md',
  'faults-by-kind.md',
  'from-the-article.md',
  'one-voice.md',
  'repairs.md',
];
/** Depends on version and service manager, so that no text for every machine may print it as a step. */
const GENERIC = /openclaw gateway (?:restart|start|stop)\b/;
const WARNS = /starts nothing|changes nothing/;
const OF_SERVICE =
  /systemctl (?:--user )?(?:restart|start) openclaw-gateway(?!-exporter)|openclaw gateway install/;
const OF_TERMINAL = /terminal|service file/;

const pages = ['', 'runbooks'].flatMap((folder) =>
  readdirSync(join(ROOT, 'docs', folder))
    .filter((name) => name.endsWith('.md') && !RECORDS.includes(name))
    .map((name) => join('docs', folder, name)),
);
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');
const alerts = alertsOf(ruleGroups(thresholdsSchema.parse({})));
const splitSentences = (text: string) => text.split(/(?<=[.)])\s/);

describe('a text for every machine', () => {
  it.each(['README.md', ...pages])('%s prints no restart that only some versions have', (page) => {
    const wrong = splitSentences(read(page)).filter((text) => GENERIC.test(text) && !WARNS.test(text));
    expect(wrong).toEqual([]);
  });

  it.each(pages.filter((page) => page.includes('runbooks')))(
    '%s restarts a gateway in a terminal wherever it restarts a service',
    (page) => {
      const steps = read(page)
        .split('\n')
        .filter((line) => line.startsWith('- **Phase') && OF_SERVICE.test(line));
      for (const step of steps) expect(step).toMatch(OF_TERMINAL);
    },
  );

  it.each(alerts.map((rule) => [`${rule.alert}/${rule.phase}`, rule] as const))(
    '%s names a restart that works with a service and without one',
    (_, { next, description, summary }) => {
      for (const text of [next, description, summary]) expect(text).not.toMatch(GENERIC);
      if (OF_SERVICE.test(next)) expect(next).toMatch(OF_TERMINAL);
    },
  );
});
