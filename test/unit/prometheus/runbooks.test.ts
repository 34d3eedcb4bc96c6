import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';

const folder = join(import.meta.dirname, '..', '..', '..', 'docs', 'runbooks');
const alerts = alertsOf(ruleGroups(thresholdsSchema.parse({})));
const names = [...new Set(alerts.map(({ alert }) => alert))].toSorted();
const runbooks = readdirSync(folder).filter((name) => name.endsWith('.md'));
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

const commands = z
  .object({
    command: z.literal('openclaw COMMAND --help'),
    versions: z.record(z.string(), z.record(z.string(), z.array(z.string()))),
  })
  .parse(JSON.parse(read('openclaw-commands.json')));
const today = commands.versions['2026.9.6'] ?? {};
const older = commands.versions['2026.5.7'] ?? {};

describe('the runbooks', () => {
  it('are one for each alert, and no others', () => {
    expect(runbooks.map((name) => name.replace('.md', '')).toSorted()).toEqual(names);
  });

  it.each(runbooks)(
    '%s says what it means, how to confirm it, how to repair it and what not to do',
    (name) => {
      const text = read(name);
      const titles = [...text.matchAll(/^##? (.*)$/gm)].map(([, title]) => title);
      expect(titles).toEqual([
        name.replace('.md', ''),
        'What it means',
        'Confirm',
        'Repair',
        'Verify',
        'Do not',
      ]);
      const confirm = /## Confirm\n\n```sh\n(.+)\n```\n\n## Repair/.exec(text)?.[1];
      expect(confirm).toMatch(/^(?:curl|openclaw|npm|sudo lsof|ssh|tailscale|promtool|amtool) /);
      expect(text).toMatch(/## Do not\n\n- /);
    },
  );

  it.each(runbooks)('%s begins with declaring maintenance where maintenance suppresses its alert', (name) => {
    const own = alerts.filter(({ alert }) => `${alert}.md` === name);
    const isSuppressed = own.some(({ suppressedBy }) => suppressedBy.includes('maintenance'));
    if (isSuppressed) expect(read(name).split('## What it means')[0]).toContain('maintenance start 30m');
  });

  it.each(runbooks)('%s has a step for each repair phase its alert can reach', (name) => {
    const phases = alerts.filter(({ alert }) => `${alert}.md` === name).map(({ phase }) => phase);
    const steps = [...read(name).matchAll(/^- \*\*Phase ([123])/gm)].map(([, phase]) => Number(phase));
    expect(steps).toEqual(phases);
  });

  it.each(runbooks)(
    '%s names only commands that exist in today’s OpenClaw, and says where an older one differs',
    (name) => {
      for (const line of read(name).split('\n')) for (const call of callsIn(line)) expectKnown(call, line);
    },
  );

  it('warn of loops with a wrong token wherever tokens are repaired', () => {
    for (const name of ['OpenClawTokenMismatch', 'OpenClawTokenDrift', 'OpenClawAuthLockout']) {
      expect(read(`${name}.md`)).toContain('Never retry a wrong token');
    }
  });

  it('never signal a gateway but through its service manager', () => {
    const bySystemd = /systemctl (?:--user )?kill --signal=SIG(?:CONT|KILL) openclaw-gateway\.service/g;
    for (const name of runbooks) {
      expect(read(name).replaceAll(bySystemd, '')).not.toMatch(/kill -|pkill|killall/);
    }
  });
});

describe('the next steps in the alerts', () => {
  it.each(alerts.map((rule) => [`${rule.alert}/${rule.phase}`, rule.next] as const))(
    '%s names only commands that exist',
    (_, next) => {
      for (const [call] of next.matchAll(
        /\bopenclaw (?!gateway-exporter)[a-z]+(?: [a-z-]+)?(?: --?[a-z-]+)*/g,
      )) {
        expectKnown(call.split(' ').slice(1), `${next} 2026.9`);
      }
    },
  );
});

/** The words after `openclaw` of every command in code on this line. */
function callsIn(line: string): string[][] {
  const code = [...line.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '');
  return [...code, line.startsWith('openclaw ') ? line : '']
    .filter((text) => text.startsWith('openclaw '))
    .map((text) => text.split(' ').slice(1));
}

/** `openclaw auth refresh` of the article is named once, to say that it does not exist. */
function expectKnown(words: readonly string[], line: string): void {
  if (words.join(' ') === 'auth refresh' && line.includes('does not exist in either version')) return;
  const path = [words.slice(0, 2).join(' '), words[0] ?? ''].find((one) => one in today);
  expect(path, `openclaw ${words.join(' ')}`).toBeDefined();
  const known = today[path ?? ''] ?? [];
  for (const option of words.filter((word) => word.startsWith('--'))) expect(known).toContain(option);
  if (!((path ?? '') in older)) expect(line).toMatch(/2026\.9|\(older/);
}
