import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import commands from '../../../../docs/runbooks/openclaw-commands.json' with { type: 'json' };
import { renderReport } from '../../../../src/cli/check/render.ts';
import { type CheckResult, createReport, reportSchema } from '../../../../src/cli/check/report.ts';
import type { Evidence } from '../../../../src/core/collector.ts';
import type { TargetState } from '../../../../src/core/collector-loop.ts';
import type { Machine } from '../../../../src/diagnosis/machine.ts';
import { FAULTS, type Fault } from '../../../../src/lib/faults.ts';
import { Metrics } from '../../../../src/metrics/metrics.ts';
import type { ServiceState } from '../../../../src/openclaw/service/manager.ts';
import { statusPage } from '../../../../src/web/page/page.ts';
import { MACHINE } from '../../../support/machine.ts';
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
const ANSWERS: Evidence = { layer: 'answers', subject: 'a:1', verdict: 'ok', text: 'answers' };
const DOWN: Evidence = {
  layer: 'process',
  subject: 'gateway a:1',
  verdict: 'bad',
  text: 'no gateway process runs',
  fault: 'gateway-down',
};
const MISMATCH: Evidence = {
  layer: 'token',
  subject: 'a:1',
  verdict: 'bad',
  text: 'refused',
  fault: 'token-mismatch',
};

function state(...evidence: readonly Evidence[]): TargetState {
  return { collector: 'test', target: 't', atMs: 0, evidence };
}

function resultOf(evidence: readonly Evidence[], more: Partial<CheckResult> = {}): CheckResult {
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
  const { nextStep, furtherSteps } = createReport(
    resultOf(evidence, { machine: { ...MACHINE, ...machine } }),
  );
  return [nextStep, ...furtherSteps].flatMap((step) => (step === null ? [] : [step]));
};

describe('the exit code', () => {
  const codeOf = (...evidence: Evidence[]) => createReport(resultOf(evidence)).exitCode;

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
    const { exitCode, notSeen } = createReport(resultOf([], { states: [state(ANSWERS), blind] }));
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
    const report = createReport(resultOf([ANSWERS, planned]));
    expect(report).toMatchObject({ exitCode: 0, maintenance: text });
    expect(renderReport(report, { colours: false })).toContain(`Maintenance: ${text}`);
  });
});

describe('with --fail-on=critical', () => {
  it('the exit code is 1 only where something is bad, and the result names the warnings', () => {
    const warned = createReport(resultOf([ANSWERS, { ...MISMATCH, verdict: 'warning' }]), 'critical');
    expect(warned.exitCode).toBe(0);
    expect(renderReport(warned, { colours: false })).toContain('Works, with warnings.');
    expect(createReport(resultOf([ANSWERS, DOWN]), 'critical').exitCode).toBe(1);
  });
});

describe('a note', () => {
  it('is shown before what is plainly well, with what the other side reported, and the exit code stays 0', () => {
    const note: Evidence = {
      layer: 'cron',
      subject: 'job backup',
      verdict: 'ok',
      note: true,
      text: 'failed once, 5 min ago',
      detail: 'HTTP 529 overloaded_error',
    };
    const plain: Evidence = { ...ANSWERS, layer: 'cron', text: 'plain' };
    const report = createReport(resultOf([ANSWERS, plain, note]));
    expect(report).toMatchObject({ exitCode: 0, verdict: 'ok' });
    const text = renderReport(report, { colours: false });
    expect(text).toMatch(
      /ok +note: job backup: failed once, 5 min ago\n +it reported: HTTP 529 overloaded_error/,
    );
  });
});

describe('what is not configured', () => {
  it('is shown as such and is neither unknown nor bad', () => {
    const absent: Evidence = {
      layer: 'process',
      subject: 'service',
      verdict: 'unknown',
      unconfigured: true,
      text: 'no service manager here',
    };
    const report = createReport(resultOf([ANSWERS, absent]));
    expect(report).toMatchObject({ exitCode: 0, verdict: 'ok' });
    expect(report.layers[0]).toMatchObject({ verdict: 'unseen', evidence: [{ verdict: 'unseen' }] });
    expect(renderReport(report, { colours: false })).toContain('not configured');
  });
});

describe('the next repair step', () => {
  const texts = (...args: Parameters<typeof stepsOf>) => stepsOf(...args).map(({ text }) => text);
  const fault = (name: Fault, more: Partial<Evidence> = {}): Evidence => ({ ...DOWN, fault: name, ...more });

  it('starts a dead gateway by its service manager', () => {
    expect(stepsOf([DOWN], { service: SERVICE })[0]).toEqual({
      phase: 1,
      text: 'systemctl --user restart openclaw-gateway.service',
      isCommand: true,
    });
    const system = { ...SERVICE, scope: 'system' } as const;
    expect(texts([DOWN], { service: system })[0]).toBe('sudo systemctl restart openclaw-gateway.service');
    const launchd = { ...SERVICE, manager: 'launchd', name: 'ai.openclaw.gateway' } as const;
    expect(texts([DOWN], { service: launchd, platform: 'darwin' })[0]).toBe(
      'launchctl kickstart -k gui/$UID/ai.openclaw.gateway',
    );
  });

  it('without a service starts a dead gateway in a terminal, in every version', () => {
    for (const version of ['2026.9.6', '2026.5.7', undefined]) {
      expect(texts([DOWN], { alive: false, version })[0]).toBe('openclaw gateway run');
    }
  });

  it('without a service restarts a gateway that answers only where the version can', () => {
    const broken = fault('partial-failure', { layer: 'answers', cause: 'partial-failure' });
    expect(texts([broken])[0]).toBe('openclaw gateway restart');
    for (const version of ['2026.5.7', '2026.7.35', undefined]) {
      expect(texts([broken], { version }).slice(0, 2)).toEqual([
        'End the gateway in the terminal where it was started (Ctrl+C).',
        'openclaw gateway run',
      ]);
    }
  });

  it('ends a hung gateway by its manager or by its process, and never by a restart that waits for minutes', () => {
    const hung = fault('gateway-hung', { layer: 'answers' });
    expect(texts([hung]).slice(0, 2)).toEqual(['kill -KILL 4711', 'openclaw gateway run']);
    expect(texts([hung], { service: SERVICE })[0]).toBe(
      'systemctl --user kill --signal=SIGKILL openclaw-gateway.service',
    );
    expect(texts([hung], { pid: undefined })[0]).toMatch(/^End the gateway where it was started/);
  });

  it('continues a stopped process before it ends it', () => {
    const stopped = fault('process-stopped', { pid: 5 });
    expect(texts([stopped]).slice(0, 3)).toEqual(['kill -CONT 5', 'kill -KILL 5', 'openclaw gateway run']);
    expect(texts([stopped], { service: SERVICE })[0]).toBe(
      'systemctl --user kill --signal=SIGCONT openclaw-gateway.service',
    );
  });

  it('ends a gateway that still lives before openclaw doctor, which refuses to work beside one', () => {
    const loop = fault('crash-loop');
    const [validate, doctor] = ['openclaw config validate', 'openclaw doctor --fix'];
    expect(texts([loop], { alive: false }).slice(0, 3)).toEqual([validate, doctor, 'openclaw gateway run']);
    expect(texts([loop], { alive: true }).slice(0, 4)).toEqual([
      validate,
      'End the gateway in the terminal where it was started (Ctrl+C).',
      doctor,
      'openclaw gateway run',
    ]);
    expect(texts([loop], { alive: true, service: SERVICE }).slice(0, 4)).toEqual([
      validate,
      'systemctl --user stop openclaw-gateway.service',
      doctor,
      'systemctl --user restart openclaw-gateway.service',
    ]);
  });

  it('names the holder of the port and leaves the decision to a person', () => {
    const [find, decide] = texts([fault('port-held', { pid: 7 })]);
    expect(find).toBe('ps -fp 7');
    expect(decide).toMatch(/^Decide /);
  });

  it('is done elsewhere where the gateway is elsewhere', () => {
    for (const evidence of [DOWN, MISMATCH, fault('behind-forwarder')]) {
      const steps = stepsOf([evidence], { local: false });
      expect(steps.map(({ isCommand }) => isCommand)).toEqual([false]);
      expect(steps[0]?.text).toMatch(/^On the gateway’s machine, run openclaw-gateway-exporter check/);
    }
    for (const name of ['forwarder-gone', 'behind-forwarder', 'trusted-proxies'] as const) {
      for (const local of [true, false]) {
        expect(stepsOf([fault(name)], { local }).filter(({ isCommand }) => isCommand)).toEqual([]);
      }
    }
  });

  it('for a refused token is to decide which copy is right, and to start with that one', () => {
    expect(texts([MISMATCH])).toEqual([
      expect.stringMatching(/^Decide which token is right/),
      'openclaw gateway auth-token --show',
      'End the gateway in the terminal where it was started (Ctrl+C).',
      'openclaw gateway run',
    ]);
    expect(texts([MISMATCH], { version: '2026.5.7' })).not.toContain('openclaw gateway auth-token --show');
    expect(texts([MISMATCH], { service: SERVICE })[2]).toBe('openclaw gateway install --force');
  });

  const everyStep = (['2026.9.6', '2026.7.35', '2026.5.7'] as const).flatMap((version) =>
    [undefined, SERVICE].flatMap((service) =>
      [true, false].flatMap((alive) =>
        FAULTS.flatMap((name) => stepsOf([fault(name, { pid: 7 })], { version, service, alive })),
      ),
    ),
  );

  it('is a command that can be copied as it stands, or a sentence', () => {
    for (const { text, isCommand, note } of everyStep) {
      if (isCommand) expect(text).toMatch(/^[\w./~-]+(?: [\w@%+=:,./~$-]+)*$/);
      else expect(text).toMatch(/^[A-Z].*\.$/);
      if (note !== undefined) expect(note).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('goes from light to full, and names no step twice', () => {
    for (const name of FAULTS) {
      for (const service of [undefined, SERVICE]) {
        const steps = stepsOf([fault(name, { pid: 7 })], { service });
        const phases = steps.map(({ phase }) => phase);
        expect(phases).toEqual(phases.toSorted());
        expect(new Set(steps.map(({ text }) => text)).size).toBe(steps.length);
      }
    }
  });

  it.each(['2026.9.6', '2026.5.7'] as const)('names only commands that %s has', (version) => {
    const known = Object.keys(commands.versions[version]);
    const named = [undefined, SERVICE].flatMap((service) =>
      FAULTS.flatMap((name) => texts([fault(name, { pid: 7 })], { version, service })).flatMap((text) => [
        ...text.matchAll(/openclaw ([a-z]+(?: [a-z][a-z-]*)?)/g),
      ]),
    );
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
        const report = reportSchema.parse(JSON.parse(JSON.stringify(createReport(resultOf(evidence)))));
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
        const text = renderReport(createReport(resultOf(evidence)), { colours: false });
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(text.split('\n').length).toBe(
          renderReport(createReport(resultOf(evidence.map((one) => ({ ...one, subject: 's', text: 't' })))), {
            colours: false,
          }).split('\n').length,
        );
      }),
    );
  });

  it('in colour says the same as without', () => {
    const report = createReport(resultOf([DOWN, ANSWERS]));
    const painted = renderReport(report, { colours: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
    expect(painted.replaceAll(/\u001b\[\d+m/g, '')).toBe(renderReport(report, { colours: false }));
    expect(painted).not.toBe(renderReport(report, { colours: false }));
  });

  it('asks the questions of the status page, and names causes as it does', async () => {
    const states = [state(DOWN)];
    const terminal = renderReport(createReport(resultOf([DOWN])), { colours: false });
    const page = textOfPage(
      await statusPage({
        telemetryPath: '/metrics',
        states,
        layerSince: () => undefined,
        metrics: new Metrics(),
        version: '1.2.3',
        nowMs: 0,
        graceMs: 600_000,
        isReady: true,
        machine: MACHINE,
        showsDetails: false,
      }),
    ).replaceAll('’', "'");
    const asked = [...terminal.matchAll(/^\S+ +([A-Z]\w+) +(.*\?)$/gm)];
    expect(asked).toHaveLength(5);
    for (const [, , question] of asked) expect(page).toContain(question);
    const [, cause] = /Likeliest cause: ([^(]*) \(/.exec(terminal) ?? [];
    expect(page).toContain(`Likeliest cause: ${cause}`);
  });

  it('shows a layer of many rows in part and counts the rest', () => {
    const text = renderReport(createReport(resultOf(Array.from({ length: 100 }, () => ANSWERS))), {
      colours: false,
    });
    expect(text).toContain('85 more, see --json');
  });
});
