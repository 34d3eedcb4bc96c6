import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import commands from '../../../../docs/runbooks/openclaw-commands.json' with { type: 'json' };
import { renderReport } from '../../../../src/cli/check/render.ts';
import { type Looked, reportOf, reportSchema } from '../../../../src/cli/check/report.ts';
import { MAKE_EQUAL } from '../../../../src/collectors/token/evidence.ts';
import type { Evidence } from '../../../../src/core/collector.ts';
import type { TargetState } from '../../../../src/core/collector-loop.ts';
import type { Machine } from '../../../../src/diagnosis/machine.ts';
import { Metrics } from '../../../../src/metrics/metrics.ts';
import type { ServiceState } from '../../../../src/openclaw/service/manager.ts';
import { statusPage } from '../../../../src/web/page/page.ts';
import { textOfPage } from '../../../support/page-text.ts';

const SERVICE: ServiceState = {
  manager: 'systemd',
  name: 'openclaw-gateway.service',
  scope: 'user',
  active: false,
  activity: 'failed (failed)',
  enabled: true,
  restarts: 0,
  mainPid: undefined,
};
const MACHINE: Machine = {
  local: true,
  platform: 'linux',
  service: undefined,
  version: '2026.9.6',
  alive: true,
};
const ANSWERS: Evidence = { layer: 'answers', subject: 'a:1', verdict: 'ok', text: 'answers' };
const DOWN: Evidence = {
  layer: 'process',
  subject: 'gateway a:1',
  verdict: 'bad',
  text: 'no gateway process runs',
  repair: 'openclaw gateway restart',
};
const MISMATCH: Evidence = {
  layer: 'token',
  subject: 'a:1',
  verdict: 'bad',
  text: 'refused',
  repair: MAKE_EQUAL,
};

function state(...evidence: readonly Evidence[]): TargetState {
  return { collector: 'test', target: 't', atMs: 0, evidence };
}

function looked(evidence: readonly Evidence[], more: Partial<Looked> = {}): Looked {
  return {
    states: [state(...evidence)],
    address: 'a:1',
    machine: MACHINE,
    atMs: 0,
    tookMs: 1234,
    ...more,
  };
}

const stepsOf = (evidence: readonly Evidence[], machine: Partial<Machine> = {}) => {
  const { nextStep, furtherSteps } = reportOf(looked(evidence, { machine: { ...MACHINE, ...machine } }));
  return [nextStep, ...furtherSteps].flatMap((step) => (step === null ? [] : [step]));
};

describe('the exit code', () => {
  const codeOf = (...evidence: Evidence[]) => reportOf(looked(evidence)).exitCode;

  it('is 1 where something is bad or a warning, whatever else is unknown', () => {
    expect(codeOf(DOWN, { ...ANSWERS, verdict: 'unknown' })).toBe(1);
    expect(codeOf(ANSWERS, { ...MISMATCH, verdict: 'warning' })).toBe(1);
  });

  it('is 2 where nobody heard the gateway answer and nothing is known to be wrong', () => {
    expect(codeOf()).toBe(2);
    expect(codeOf({ ...ANSWERS, verdict: 'unknown' })).toBe(2);
    expect(codeOf({ ...DOWN, verdict: 'ok' })).toBe(2);
  });

  it('is 0 where the gateway answers and nothing is wrong, even if half could not be seen', () => {
    const blind = { collector: 'process', target: 'process', atMs: 0, evidence: [], blind: 'no permission' };
    const { exitCode, notSeen } = reportOf(looked([], { states: [state(ANSWERS), blind] }));
    expect(exitCode).toBe(0);
    expect(notSeen).toEqual([{ collector: 'process', target: 'process', reason: 'no permission' }]);
  });

  it('does not follow from planned maintenance, which is shown', () => {
    const text = 'planned until tomorrow';
    const planned = {
      layer: 'process',
      subject: 'maintenance',
      verdict: 'warning',
      text,
      planned: true,
    } as const;
    const report = reportOf(looked([ANSWERS, planned]));
    expect(report).toMatchObject({ exitCode: 0, maintenance: text });
    expect(renderReport(report, { colours: false })).toContain(`Maintenance: ${text}`);
  });
});

describe('the next repair step', () => {
  it('starts a dead gateway by its service manager', () => {
    expect(stepsOf([DOWN], { service: SERVICE })[0]).toEqual({
      phase: 1,
      text: 'systemctl --user restart openclaw-gateway.service',
    });
    const system = { ...SERVICE, scope: 'system' } as const;
    expect(stepsOf([DOWN], { service: system })[0]?.text).toBe(
      'sudo systemctl restart openclaw-gateway.service',
    );
    const launchd = { ...SERVICE, manager: 'launchd', name: 'ai.openclaw.gateway' } as const;
    expect(stepsOf([DOWN], { service: launchd, platform: 'darwin' })[0]?.text).toBe(
      'launchctl kickstart -k gui/$UID/ai.openclaw.gateway',
    );
  });

  it('without a service is what the version can do', () => {
    expect(stepsOf([DOWN], { alive: false })[0]?.text).toBe('openclaw gateway run');
    expect(stepsOf([DOWN])[0]?.text).toBe('openclaw gateway restart');
    expect(stepsOf([DOWN], { version: '2026.5.7' })[0]?.text).toContain('openclaw gateway run');
    expect(stepsOf([DOWN], { version: undefined })[0]?.text).toBe('openclaw gateway restart');
  });

  it('is done elsewhere where the gateway is elsewhere', () => {
    const [first, ...others] = stepsOf([DOWN], { local: false });
    expect(first?.text).toBe("on the gateway's machine: openclaw gateway restart");
    expect(others.map(({ text }) => text)).toEqual(['openclaw doctor']);
  });

  it('for a refused token is to make the copies equal, and a restart only then', () => {
    const shown =
      'openclaw gateway auth-token --show: decide which copy is right, make the others equal, then once: systemctl --user restart openclaw-gateway.service';
    expect(stepsOf([MISMATCH], { service: SERVICE }).slice(0, 2)).toEqual([
      { phase: 2, text: shown },
      { phase: 2, text: 'openclaw doctor --fix' },
    ]);
    const [older] = stepsOf([MISMATCH], { service: SERVICE, version: '2026.5.7' });
    expect(older?.text).toMatch(/^read gateway\.auth\.token in openclaw\.json: decide which copy is right/);
    expect(stepsOf([MISMATCH], { local: false })).toEqual([
      { phase: 2, text: `on the gateway's machine: ${MAKE_EQUAL}` },
    ]);
  });

  it('goes from light to full, and names no step twice', () => {
    for (const evidence of [DOWN, MISMATCH]) {
      for (const service of [undefined, SERVICE]) {
        const steps = stepsOf([evidence], { service });
        const phases = steps.map(({ phase }) => phase);
        expect(phases).toEqual(phases.toSorted());
        expect(new Set(steps.map(({ text }) => text)).size).toBe(steps.length);
        expect(phases.at(-1)).toBe(3);
      }
    }
  });

  it.each(['2026.9.6', '2026.5.7'] as const)('names only commands that %s has', (version) => {
    const known = Object.keys(commands.versions[version]);
    const texts = [DOWN, MISMATCH].flatMap((evidence) =>
      [true, false].flatMap((alive) =>
        [undefined, SERVICE].flatMap((service) => stepsOf([evidence], { version, alive, service })),
      ),
    );
    const named = texts.flatMap(({ text }) => [...text.matchAll(/openclaw ([a-z]+(?: [a-z][a-z-]*)?)/g)]);
    expect(named.length).toBeGreaterThan(0);
    for (const [, command = ''] of named) expect(known).toContain(command);
  });
});

describe('the report', () => {
  const anyEvidence = fc.record({
    layer: fc.constantFrom('process', 'answers', 'token', 'cron', 'network' as const),
    subject: fc.string({ unit: 'binary' }),
    verdict: fc.constantFrom('ok', 'warning', 'bad', 'unknown' as const),
    text: fc.string({ unit: 'binary' }),
  });

  it('has the documented shape, and every layer once, whatever was seen', () => {
    fc.assert(
      fc.property(fc.array(anyEvidence), (evidence) => {
        const report = reportSchema.parse(JSON.parse(JSON.stringify(reportOf(looked(evidence)))));
        expect(report.layers.map(({ layer }) => layer)).toEqual([
          'process',
          'answers',
          'token',
          'cron',
          'network',
        ]);
        expect(report.layers.flatMap((layer) => layer.evidence).length).toBe(evidence.length);
      }),
    );
  });

  it('has no key that docs/check.md does not name', () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'check.md'), 'utf8');
    const keys = new Set<string>();
    JSON.stringify(z.toJSONSchema(reportSchema), (key, value) => {
      if (key === 'properties') for (const name of Object.keys(value)) keys.add(name);
      return value;
    });
    expect(keys.size).toBeGreaterThan(10);
    expect([...keys].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it("cannot be made to steer a terminal by somebody's text", () => {
    fc.assert(
      fc.property(fc.array(anyEvidence), (evidence) => {
        const text = renderReport(reportOf(looked(evidence)), { colours: false });
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(text.split('\n').length).toBe(
          renderReport(reportOf(looked(evidence.map((one) => ({ ...one, subject: 's', text: 't' })))), {
            colours: false,
          }).split('\n').length,
        );
      }),
    );
  });

  it('in colour says the same as without', () => {
    const report = reportOf(looked([DOWN, ANSWERS]));
    const painted = renderReport(report, { colours: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
    expect(painted.replaceAll(/\u001b\[\d+m/g, '')).toBe(renderReport(report, { colours: false }));
    expect(painted).not.toBe(renderReport(report, { colours: false }));
  });

  it('asks the questions of the status page, and names causes as it does', async () => {
    const states = [state(DOWN)];
    const terminal = renderReport(reportOf(looked([DOWN])), { colours: false });
    const page = textOfPage(
      await statusPage({
        states,
        layerSince: () => undefined,
        metrics: new Metrics(),
        version: '1.2.3',
        nowMs: 0,
        graceMs: 600_000,
        isReady: true,
      }),
    ).replaceAll('’', "'");
    const asked = [...terminal.matchAll(/^\S+ +([A-Z]\w+) +(.*\?)$/gm)];
    expect(asked).toHaveLength(5);
    for (const [, , question] of asked) expect(page).toContain(question);
    const [, cause] = /Likeliest cause: ([^(]*) \(/.exec(terminal) ?? [];
    expect(page).toContain(`Likeliest cause: ${cause}`);
  });

  it('shows a layer of many rows in part and counts the rest', () => {
    const text = renderReport(reportOf(looked(Array.from({ length: 100 }, () => ANSWERS))), {
      colours: false,
    });
    expect(text).toContain('85 more, see --json');
  });
});
