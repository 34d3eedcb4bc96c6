import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failuresByProvider, modelAccessEvidence } from '../../../../src/collectors/cron/providers.ts';
import { lastRunOf } from '../../../../src/collectors/cron/samples.ts';
import { type CronJob, ERROR_REASONS } from '../../../../src/collectors/cron/source/records.ts';
import { PROVIDER_REASONS } from '../../../../src/lib/vocabulary.ts';
import { configuredModels } from '../../../../src/openclaw/models.ts';
import { cronJob } from '../../../support/cron-gateway-model.ts';

const NOW = Date.UTC(2026, 5, 1, 10);
const EVERY = { kind: 'every', everyMs: 60_000, anchorMs: undefined } as const;
const MODELS = configuredModels.parse({
  defaults: { model: { primary: 'localai/m1', fallbacks: ['openai/gpt'] } },
  list: [{ id: 'writer', model: 'anthropic/claude' }, { id: 'bare' }],
});

function stateOf(known: Partial<CronJob>) {
  const job = cronJob({ schedule: EVERY, lastRunAtMs: NOW, lastRunStatus: 'error', ...known });
  const standing = { lateSeconds: 0, isBeyondSchedule: false, isWedged: false };
  return { job, entry: undefined, standing, last: lastRunOf(job, undefined), isLastRunInFuture: false };
}

const providerOf = (known: Partial<CronJob>) =>
  failuresByProvider([stateOf({ lastErrorReason: 'auth', ...known })], MODELS)[0]?.provider;

describe('the provider of a job that fails', () => {
  it('is that of the run, else of the job’s model, else of its agent’s, else of all agents’', () => {
    const all = { lastOutcome: { model: 'google/g' }, model: 'mistral/m', agentId: 'writer' };
    expect(providerOf(all)).toBe('google');
    expect(providerOf({ model: all.model, agentId: all.agentId })).toBe('mistral');
    expect(providerOf({ agentId: all.agentId })).toBe('anthropic');
    expect(providerOf({ agentId: 'bare' })).toBe('localai');
    expect(providerOf({})).toBe('localai');
  });

  it('is unknown where an alias names the model, and where no model is configured', () => {
    expect(providerOf({ model: 'sonnet' })).toBe('unknown');
    expect(failuresByProvider([stateOf({ lastErrorReason: 'auth' })], undefined)[0]?.provider).toBe(
      'unknown',
    );
  });
});

describe('failures by provider', () => {
  it('count each job once that failed for a reason of its provider, and no other', () => {
    const states = fc.array(
      fc.record({
        lastRunStatus: fc.constantFrom('ok', 'error', 'skipped' as const),
        lastErrorReason: fc.constantFrom(undefined, ...ERROR_REASONS),
        model: fc.constantFrom(undefined, 'alias', 'a/x', 'b/x', 'strange provider!/x'),
        enabled: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(states, (all) => {
        const found = failuresByProvider(all.map(stateOf), MODELS);
        const expected = all.filter(
          ({ lastRunStatus, lastErrorReason }) =>
            lastRunStatus === 'error' && PROVIDER_REASONS.some((reason) => reason === lastErrorReason),
        );
        expect(found.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(expected.length);
        expect(new Set(found.map(({ provider, reason }) => `${provider} ${reason}`)).size).toBe(found.length);
        for (const { provider } of found) expect(provider).toMatch(/^[\w.-]+$/);
      }),
    );
  });
});

describe('model access', () => {
  const failing = (count: number, reason: CronJob['lastErrorReason']) =>
    Array.from({ length: count }, () => stateOf({ lastErrorReason: reason }));
  const well = (count: number) => Array.from({ length: count }, () => stateOf({ lastRunStatus: 'ok' }));

  it('is a warning that names provider, reason and repair once several jobs and most of them fail', () => {
    expect(modelAccessEvidence([...failing(30, 'billing'), ...well(2)], MODELS)).toMatchObject([
      {
        verdict: 'warning',
        fault: 'model-access',
        text: '30 of 32 jobs fail because of the provider of their model: localai billing (30)',
        repair: 'localai: pay its bill; then openclaw doctor',
      },
    ]);
  });

  it('says nothing of two jobs, of a minority, and of reasons of the jobs themselves', () => {
    expect(modelAccessEvidence(failing(2, 'auth'), MODELS)).toEqual([]);
    expect(modelAccessEvidence([...failing(3, 'auth'), ...well(3)], MODELS)).toEqual([]);
    expect(modelAccessEvidence(failing(9, 'command'), MODELS)).toEqual([]);
  });
});

describe('the models of openclaw.json', () => {
  it('are read as names or as objects; what is broken costs only itself', () => {
    expect(configuredModels.parse({ defaults: { model: 'a/b' }, list: [{ id: 'x', model: 3 }, 7] })).toEqual({
      byDefault: 'a/b',
      byAgent: new Map(),
    });
    expect(configuredModels.parse('nothing')).toBeUndefined();
  });
});
