import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { generatedFiles, main } from '../../../prometheus/source/main.ts';
import { formatSpan } from '../../../prometheus/source/promql.ts';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import {
  accelerated,
  thresholdRows,
  thresholdsSchema,
  widenRanges,
} from '../../../prometheus/source/thresholds.ts';
import { SCENARIOS } from '../../../prometheus/tests/files.ts';
import { endingCases, type LifeCase, MORTAL, nearestCases } from '../../../prometheus/tests/life.ts';
import { healthy } from '../../../prometheus/tests/world.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const defaults = thresholdsSchema.parse({});
const groups = ruleGroups(defaults);
const alerts = alertsOf(groups);
const names = [...new Set(alerts.map(({ alert }) => alert))];
const incidents = new Set(alerts.map(({ incident }) => incident));
const SEVERITIES = ['info', 'warning', 'critical'];
const PAIRS = [
  'T1+N6',
  'G2+C3',
  'N8+T1',
  'G1+N1',
  'T6+G6',
  'C7+T1',
  'G5+T2',
  'N2+X2',
  'G3+T1',
  'C5+G9',
  'maintenance declared + G1',
  'upgrade from files to SQLite + X1',
];
const rows = (letter: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
const CATALOGUE = [
  ...rows('G', 15),
  ...['G16', 'G17', 'G18', 'G19', 'G20', 'G21', 'G22', 'G23', 'G24', 'G25', 'G26'],
  ...rows('T', 12),
  ...rows('C', 18),
  ...rows('N', 12),
  ...rows('X', 5),
  ...['H1', 'D1'],
  ...PAIRS,
];

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'openclaw-rules-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('the generated files', () => {
  it.each(generatedFiles().map((file) => [file.path, file.text] as const))(
    '%s is up to date',
    (path, text) => {
      expect(readFileSync(join(root, path), 'utf8')).toBe(text);
    },
  );

  it('has no rule or test file that is not generated', () => {
    const generated = new Set(generatedFiles().map(({ path }) => path));
    for (const place of ['prometheus/rules', 'prometheus/vmalert', 'prometheus/tests']) {
      const there = readdirSync(join(root, place)).filter((name) => name.endsWith('.yml'));
      expect(there.filter((name) => !generated.has(`${place}/${name}`))).toEqual([]);
    }
  });
});

describe('the alerts', () => {
  it.each(alerts.map((rule) => [`${rule.alert}/${rule.phase}`, rule] as const))(
    '%s says what is wrong, where, and what to do next',
    (_, rule) => {
      expect(rule.alert).toMatch(/^OpenClaw[A-Z][A-Za-z]+$/);
      expect(rule.incident).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(SEVERITIES).toContain(rule.severity);
      expect([1, 2, 3]).toContain(rule.phase);
      expect(rule.summary.length).toBeGreaterThan(10);
      expect(rule.description.length).toBeGreaterThan(20);
      expect(rule.next.length).toBeGreaterThan(5);
      expect(rule.catalogue.length).toBeGreaterThan(0);
      expect(rule.next).not.toMatch(/(?<!systemctl --user )kill -|SIGUSR/);
    },
  );

  it('never grow milder while they climb, or a higher phase would silence a page', () => {
    for (const name of names) {
      const steps = alerts.filter(({ alert }) => alert === name).toSorted((a, b) => a.phase - b.phase);
      const severities = steps.map(({ severity }) => SEVERITIES.indexOf(severity));
      expect(severities).toEqual(severities.toSorted((a, b) => a - b));
      expect(new Set(steps.map(({ phase }) => phase)).size).toBe(steps.length);
      expect(new Set(steps.map(({ incident }) => incident)).size).toBe(1);
    }
  });

  it('never page for a host that may sleep, a changed host key excepted', () => {
    const pages = alerts.filter(
      ({ severity, expr }) => severity === 'critical' && expr.includes('openclaw_ssh_up'),
    );
    for (const { alert, expr } of pages.filter((rule) => rule.alert.startsWith('OpenClawSsh'))) {
      expect(alert === 'OpenClawSshHostKeyChanged' || expr.includes('always_on')).toBe(true);
    }
  });

  it('count before they add, so that a restarted exporter is no negative rate', () => {
    const all = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
    expect(all.filter((expr) => /(?:rate|increase|deriv)\(\s*(?:sum|max|min|count)\b/.test(expr))).toEqual(
      [],
    );
  });

  it('never name an SSH step in the phase that is called authentication', () => {
    for (const { phase, next } of alerts.filter((rule) => rule.phase === 2)) {
      expect({ phase, next }).not.toMatchObject({ next: expect.stringMatching(/\bssh/i) });
    }
  });

  it('record under names that say level, metric and operation', () => {
    const records = groups.flatMap(({ rules }) => rules.filter((rule) => rule.kind === 'record'));
    for (const { record } of records) expect(record).toMatch(/^[a-z_]+:[a-z_]+:[a-z0-9_]+$/);
    expect(records.map(({ record }) => record)).toContain('instance_layer:openclaw_health:min');
    expect(records.map(({ record }) => record)).toContain('instance_cause:openclaw_incident:max');
  });
});

describe('the metrics the rules speak of', () => {
  const used = new Set(
    groups.flatMap(({ rules }) =>
      rules.flatMap(({ expr }) =>
        [...expr.matchAll(/(?<![:\w])openclaw_\w+(?![\w:])/g)].map(([name]) => name),
      ),
    ),
  );
  const known = new Set(
    [...Object.keys(healthy()), ...SCENARIOS.flatMap(({ world }) => Object.keys(world))].map((series) =>
      series.replace(/\{.*/, ''),
    ),
  );

  it('are each given a value in some scenario', () => {
    const never = [...used].filter((name) => !known.has(name));
    expect(never).toEqual([]);
  });

  it('stand in the metrics reference', () => {
    const text = readFileSync(join(root, 'docs', 'metrics.md'), 'utf8');
    const missing = [...used].filter((name) => !text.includes(name.replace(/_bucket$/, '')));
    expect(missing).toEqual([]);
  });
});

describe('the scenarios', () => {
  it.each(CATALOGUE)('have row %s of the fault catalogue', (id) => {
    expect(SCENARIOS.filter(({ ids }) => ids.includes(id))).not.toEqual([]);
  });

  const expected = (scenario: (typeof SCENARIOS)[number]) =>
    new Set(
      Object.values(scenario.firing).flatMap((list) => list.map((alert) => alert.replace(/[@*].*/, ''))),
    );

  it.each(
    alerts.filter(({ alert }) => alert !== 'OpenClawWatchdog').map((rule) => `${rule.alert}/${rule.phase}`),
  )('see %s fire, and in its own fault not before its time', (step) => {
    const fires = SCENARIOS.filter((scenario) => expected(scenario).has(step));
    expect(fires).not.toEqual([]);
    const silentFirst = fires.some(({ firing }) =>
      Object.values(firing).some((list) => list.every((alert) => alert.replace(/[@*].*/, '') !== step)),
    );
    expect(silentFirst).toBe(true);
  });

  const covered = (cases: readonly LifeCase[]) => new Set(cases.flatMap(({ silent }) => silent));
  const [endings, nearest] = [covered(endingCases(SCENARIOS)), covered(nearestCases(SCENARIOS))];

  it.each(MORTAL)('see %s end, and not fire at the nearest healthy case', (name) => {
    expect({ ends: endings.has(name), nearest: nearest.has(name) }).toEqual({ ends: true, nearest: true });
  });
});

describe('alertmanager.yml', () => {
  const config = parse(readFileSync(join(root, 'prometheus', 'alertmanager.yml'), 'utf8'));
  const matchers: string[] = config.inhibit_rules.flatMap((rule: Record<string, string[]>) => [
    ...(rule.source_matchers ?? []),
    ...(rule.target_matchers ?? []),
  ]);

  it('names only incidents that exist', () => {
    const named = matchers
      .flatMap((matcher) => /^incident(?:=~|!~|=|!=)"(.*)"$/.exec(matcher)?.[1]?.split('|') ?? [])
      .filter((name) => !name.includes('*'));
    expect(named.filter((name) => !incidents.has(name))).toEqual([]);
  });

  it("never lets a host silence the gateway's own alerts", () => {
    for (const rule of config.inhibit_rules) {
      const source: string[] = rule.source_matchers;
      if (!source.some((matcher) => /ssh-|security|flapping/.test(matcher))) continue;
      expect(rule.equal).toContain('host');
    }
  });

  it('holds no secret', () => {
    expect(readFileSync(join(root, 'prometheus', 'alertmanager.yml'), 'utf8')).not.toMatch(
      /^\s*(?:routing_key|api_url|password|bot_token|credentials):/m,
    );
  });
});

describe('npm run rules', () => {
  it('refuses a threshold that does not exist or is no duration, and writes nothing', () => {
    const out = folder();
    const file = join(out, 'my.yml');
    for (const text of ['gateway_down_four: 5m', 'gateway_down_for: soon', 'slow_factor: -1']) {
      writeFileSync(file, text);
      expect(main([`--thresholds=${file}`, `--out=${out}`])).toBe(2);
    }
    expect(readdirSync(out)).toEqual(['my.yml']);
  });

  it('refuses to change the committed rules by a threshold or an acceleration', () => {
    expect(main(['--divide-durations=30'])).toBe(2);
  });

  it('applies thresholds and divides every duration', () => {
    const out = folder();
    const file = join(out, 'my.yml');
    writeFileSync(file, 'gateway_down_for: 10m\nrunbook_base: https://wiki.example.net/\n');
    expect(main([`--thresholds=${file}`, `--out=${out}`, '--divide-durations=60'])).toBe(0);
    const text = readFileSync(join(out, 'rules', 'gateway.yml'), 'utf8');
    const rules = parse(text).groups.flatMap((group: { rules: unknown[] }) => group.rules);
    const down = rules.find((rule: { alert?: string }) => rule.alert === 'OpenClawGatewayDown');
    expect(down.for).toBe('10s');
    expect(down.annotations.runbook_url).toBe('https://wiki.example.net/OpenClawGatewayDown');
    expect(existsSync(join(out, 'kubernetes', 'prometheusrule.yml'))).toBe(true);
  });

  it('leaves numbers that are no durations as they are when it accelerates', () => {
    const fast = accelerated(defaults, 30);
    expect(fast.crash_loop_restarts).toBe(defaults.crash_loop_restarts);
    expect(fast.gateway_down_for).toBe(defaults.gateway_down_for / 30);
  });

  it('reads every range over at least four scrapes', () => {
    const slow = widenRanges({ ...defaults, scrape_interval: 120_000 });
    const ranges = ruleGroups({ ...defaults, scrape_interval: 120_000 })
      .flatMap(({ rules }) => rules.map(({ expr }) => expr))
      .flatMap((expr) => [...expr.matchAll(/\[(\d+)([smhdw])\]/g)])
      .map(([, count, unit]) => Number(count) * { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }[unit as 's']);
    expect(slow.lookback).toBe(480_000);
    // The short window of the burn rates is fixed by the SRE workbook and reads a record, not scrapes.
    expect(Math.min(...ranges.filter((seconds) => seconds !== 300))).toBeGreaterThanOrEqual(480);
  });

  it('links a runbook where the threshold has a place for its name', () => {
    const out = folder();
    const file = join(out, 'my.yml');
    writeFileSync(file, 'runbook_base: "https://wiki.example.net/{alert}.html"\n');
    expect(main([`--thresholds=${file}`, `--out=${out}`])).toBe(0);
    expect(readFileSync(join(out, 'rules', 'gateway.yml'), 'utf8')).toContain(
      'https://wiki.example.net/OpenClawGatewayDown.html',
    );
  });

  it('writes durations as Prometheus reads them', () => {
    expect([90_000, 7_200_000, 604_800_000, 1_500].map(formatSpan)).toEqual(['90s', '2h', '1w', '1500ms']);
  });

  it('explains every threshold', () => {
    for (const { key, value, meaning } of thresholdRows()) {
      expect({ key, value, meaning: meaning.length > 10 }).toEqual({
        key,
        value: expect.stringMatching(/./),
        meaning: true,
      });
    }
  });
});
