import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ruleFiles, vmalertFiles } from '../../../prometheus/source/render.ts';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import { MAINTENANCE } from '../../../prometheus/source/signals.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';

const defaults = thresholdsSchema.parse({});
const groups = ruleGroups(defaults);
const alerts = alertsOf(groups);
const expressions = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
const QUERY = /(?:with|range) printf "((?:[^"\\]|\\.)*)" ([^|]*)\| query/g;

const rendered = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.looseObject({
          alert: z.string().optional(),
          keep_firing_for: z.string().optional(),
          labels: z.record(z.string(), z.string()).optional(),
          annotations: z.record(z.string(), z.string()).optional(),
        }),
      ),
    }),
  ),
});

function renderAlerts(render: typeof ruleFiles) {
  const files = render(groups, defaults).map(({ text }) => rendered.parse(parse(text)));
  const rules = files.flatMap((file) => file.groups.flatMap((group) => group.rules));
  return rules.filter(({ alert }) => alert !== undefined);
}

describe('the conventions of the rules', () => {
  it('keep every label of a target: nothing is grouped by, or matched on, the instance alone', () => {
    const wrong = expressions.filter((expr) => /\b(?:by|on)\s*\(\s*instance\s*\)/.test(expr));
    expect(wrong).toEqual([]);
    expect(expressions.filter((expr) => /\bby\s*\([^)]*\binstance\b/.test(expr))).toEqual([]);
  });

  it('match series of different scrape jobs by the extra labels too', () => {
    const matches = expressions.flatMap((expr) => [...expr.matchAll(/\bon \(([^)]*)\)/g)]);
    for (const [, labels = ''] of matches.filter(([, text]) => text !== '')) {
      expect(labels.split(', ')).toEqual(expect.arrayContaining(defaults.extra_labels));
    }
  });

  it.each(alerts.map((rule) => [`${rule.alert}/${rule.phase}`, rule] as const))(
    '%s asks in its texts only about its own instance and fleet',
    (_, { summary, description, next }) => {
      for (const [, expr = '', values = ''] of `${summary} ${description} ${next}`.matchAll(QUERY)) {
        for (const label of ['instance', ...defaults.extra_labels]) {
          expect(expr).toContain(`${label}='%s'`);
          expect(values.split(' ')).toContain(`$labels.${label}`);
        }
        expect(values.trim().split(' ')).toHaveLength([...expr.matchAll(/'%s'/g)].length);
      }
    },
  );

  it('suppress pages in their expressions while maintenance is declared', () => {
    const loud = alerts.filter(
      ({ severity, expr }) => severity === 'critical' && !expr.includes(MAINTENANCE),
    );
    expect([...new Set(loud.map(({ alert }) => alert))].toSorted()).toEqual([
      'OpenClawAlertmanagerDown',
      'OpenClawAlertmanagerSendFailed',
      'OpenClawExporterAbsent',
      'OpenClawSshHostKeyChanged',
      'OpenClawWatcherLost',
    ]);
  });

  it('read nothing over less than a minute, four scrapes of the default interval', () => {
    const ranges = expressions.flatMap((expr) => [...expr.matchAll(/\[(\d+)(ms|s)\b/g)]);
    for (const [, count, unit] of ranges) {
      expect(Number(count) * (unit === 's' ? 1000 : 1)).toBeGreaterThanOrEqual(4 * defaults.scrape_interval);
    }
  });

  it('give every alert the same labels and annotations, with absolute links', () => {
    for (const { labels, annotations } of renderAlerts(ruleFiles)) {
      expect(Object.keys(labels ?? {})).toEqual(['incident', 'severity', 'repair_phase']);
      expect(Object.keys(annotations ?? {})).toEqual([
        'summary',
        'description',
        'next_step',
        'runbook_url',
        ...(annotations?.['runbook_local'] === undefined ? [] : ['runbook_local']),
        'dashboard_url',
      ]);
      expect(annotations?.['runbook_url']).toMatch(/^https:\/\/[^ ]+\/OpenClaw[A-Za-z]+(?:\.md)?$/);
      expect(annotations?.['dashboard_url']).toMatch(/^https?:\/\/[^ ]+\/d\/openclaw-[a-z]+\?var-instance=/);
    }
  });

  it.each(['exporter', 'watchers'])('give the alerts of %s no link to what they are about', (file) => {
    const own = alertsOf(groups.filter((group) => group.file === file)).map(({ alert }) => alert);
    expect(own).not.toEqual([]);
    const rules = renderAlerts(ruleFiles).filter(({ alert }) => own.includes(alert ?? ''));
    for (const { annotations } of rules) expect(annotations?.['runbook_local']).toBeUndefined();
  });

  it.each(alerts.filter(({ alert }) => /Exporter|Prometheus|Alertmanager|Watch/.test(alert)))(
    'let $alert not depend on the exporter that it is about',
    ({ alert }) => {
      const rules = renderAlerts(ruleFiles).filter((rule) => rule.alert === alert);
      for (const { annotations } of rules) expect(annotations?.['runbook_local']).toBeUndefined();
    },
  );

  it('link every other alert to its runbook on the exporter, where that tells its external URL', () => {
    const watching = groups.filter(({ file }) => ['exporter', 'watchers'].includes(file));
    const away = alertsOf(watching).map(({ alert }) => alert);
    for (const { alert = '', annotations } of renderAlerts(ruleFiles)) {
      if (away.includes(alert)) continue;
      const local = annotations?.['runbook_local'] ?? '';
      expect(local).toContain('openclaw_exporter_external_url_info{instance=');
      expect(local).toContain(`.Labels.url }}/runbooks/${alert}{{ end }}`);
    }
  });

  it('leave nothing in the variant for vmalert that it does not know', () => {
    const held = renderAlerts(vmalertFiles).filter((rule) => rule.keep_firing_for !== undefined);
    expect(held).toEqual([]);
    expect(renderAlerts(vmalertFiles).length).toBe(renderAlerts(ruleFiles).length);
  });
});
