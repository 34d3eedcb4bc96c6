import { describe, expect, it } from 'vitest';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';
import type { Evidence } from '../../../src/core/collector.ts';
import { findRunbook, RUNBOOKS } from '../../../src/diagnosis/runbooks.ts';
import { FAULTS } from '../../../src/lib/faults.ts';

const alerts = alertsOf(ruleGroups(thresholdsSchema.parse({})));
const evidence: Evidence = { layer: 'process', subject: 'gateway', verdict: 'bad', text: '' };

describe('the runbook of a fault', () => {
  it.each(FAULTS.filter((fault) => RUNBOOKS[fault] !== undefined))('%s is that of an alert', (fault) => {
    expect(alerts.map(({ alert }) => alert)).toContain(RUNBOOKS[fault]);
  });

  it.each(FAULTS.filter((fault) => alerts.some(({ incident }) => incident === fault)))(
    '%s is that of the alert on it',
    (fault) => {
      expect(alerts.find(({ incident }) => incident === fault)?.alert).toBe(RUNBOOKS[fault]);
    },
  );
});

describe('the runbook of evidence', () => {
  it('is that of the fault it names', () => {
    expect(findRunbook({ ...evidence, fault: 'gateway-hung' })).toBe('OpenClawGatewayHung');
    expect(findRunbook({ ...evidence, verdict: 'warning', fault: 'oom' })).toBe('OpenClawOomKilled');
  });

  it('is that of its layer’s fault where it is bad and names none', () => {
    expect(findRunbook(evidence)).toBe('OpenClawGatewayDown');
    expect(findRunbook({ ...evidence, layer: 'token' })).toBe('OpenClawTokenMismatch');
    expect(findRunbook({ ...evidence, layer: 'token', verdict: 'warning' })).toBeUndefined();
  });

  it.each(['ok', 'unknown'] as const)('is none where the verdict is %s', (verdict) => {
    expect(findRunbook({ ...evidence, verdict, fault: 'draining' })).toBeUndefined();
  });
});
