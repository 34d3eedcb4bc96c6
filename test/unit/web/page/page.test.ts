import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReport } from '../../../../src/cli/check/report.ts';
import { CRON_FAMILIES } from '../../../../src/collectors/cron/metrics.ts';
import { maintenanceCollector } from '../../../../src/collectors/maintenance/collector.ts';
import { SSH_FAMILIES } from '../../../../src/collectors/ssh/metrics.ts';
import type { Evidence } from '../../../../src/core/collector.ts';
import type { TargetState } from '../../../../src/core/collector-loop.ts';
import type { CollectorContext } from '../../../../src/core/context.ts';
import type { History } from '../../../../src/diagnosis/journal/history.ts';
import type { Layer } from '../../../../src/lib/vocabulary.ts';
import { eventCounter, type Family, gauge, type Sample } from '../../../../src/metrics/family.ts';
import { Metrics } from '../../../../src/metrics/metrics.ts';
import type { SnapshotKey } from '../../../../src/metrics/snapshot.ts';
import { declareMaintenance } from '../../../../src/state/maintenance.ts';
import { HOST_METRICS } from '../../../../src/web/page/hosts.ts';
import { JOB_METRICS } from '../../../../src/web/page/jobs.ts';
import { OBJECTIVE_METRICS } from '../../../../src/web/page/objectives.ts';
import type { StatusPageInput } from '../../../../src/web/page/page.ts';
import { MAX_ROWS } from '../../../../src/web/page/rows.ts';
import { since, span } from '../../../../src/web/page/times.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { MACHINE } from '../../../support/machine.ts';
import { textOfPage } from '../../../support/page-text.ts';
import { renderPage } from '../../../support/render-page.ts';
import { targetState } from '../../../support/target-state.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const NOW = Date.UTC(2026, 8, 20, 12, 0, 0);

const page = (input: Partial<StatusPageInput> = {}) => renderPage(NOW, input);

const seen = (evidence: Partial<Evidence>, state: Partial<TargetState> = {}) =>
  targetState(evidence, { atMs: NOW, ...state });

const LAYERS: readonly Layer[] = ['process', 'answers', 'token', 'cron', 'network'];
const healthy = () => LAYERS.map((layer) => seen({ layer }));

const INCIDENT = {
  from: '2026-09-20T08:39:00.000Z',
  to: '2026-09-20T09:02:00.000Z',
  severity: 'critical',
  cause: 'authentication',
  layer: 'token',
  subject: 'gateway',
  text: 'token of openclaw.json refused',
  times: 1,
  endNotSeen: false,
  runsMeanwhile: 3,
} as const;
const DAY: History = {
  version: 1,
  from: '2026-09-19T12:00:00.000Z',
  to: '2026-09-20T12:00:00.000Z',
  gaps: [{ from: '2026-09-20T01:00:00.000Z', to: '2026-09-20T04:00:00.000Z' }],
  incidents: [INCIDENT],
  events: [],
  changes: [],
  jobs: [],
  runs: [],
};

describe('incidents on the page', () => {
  it('have begin, end, cause and evidence, and with what is unknown', async () => {
    const text = textOfPage(await page({ history: DAY }));
    expect(text).toContain('gateway: token of openclaw.json refused');
    expect(text).toMatch(/08:39 to +09:02 *, authentication/);
    expect(text).toContain('3 runs of jobs meanwhile');
    expect(text).toContain('Nothing is known of 3 h: the exporter did not run.');
  });

  it('are the newest first, at most 20, and their texts are escaped', async () => {
    const incidents = Array.from({ length: 25 }, (_, at) => ({ ...INCIDENT, text: `<b>${at}`, to: null }));
    const html = await page({ history: { ...DAY, incidents } });
    expect(html).not.toContain('<b>24');
    expect(html.indexOf('&lt;b&gt;24')).toBeLessThan(html.indexOf('&lt;b&gt;5'));
    expect(html).not.toContain('&lt;b&gt;4<');
    expect(textOfPage(html)).toContain('5 more not shown');
  });

  it('are none where nothing happened, and have no place where there is no journal', async () => {
    expect(textOfPage(await page({ history: { ...DAY, incidents: [], gaps: [] } }))).toContain(
      'No incidents.',
    );
    expect(await page()).not.toContain('id="incidents"');
  });
});

/** Metrics that hold these gauges as one collector's snapshot. */
function metricsWith(collector: string, samples: readonly Sample[]): Metrics {
  const metrics = new Metrics();
  metrics.declare([...new Set(samples.map(({ family }) => family))]);
  const key: SnapshotKey = { collector, target: 'all' };
  metrics.put(key, samples);
  return metrics;
}

const family = (name: string): Family<string> => {
  const found = [...CRON_FAMILIES, ...SSH_FAMILIES].find((one) => one.name === name);
  if (found === undefined) throw new Error(`no metric ${name}`);
  return found;
};

interface Job {
  readonly name: string;
  readonly errors?: number;
  readonly enabled?: boolean;
  readonly overdueSeconds?: number;
}

function jobSamples(jobs: readonly Job[], counted = jobs.length): Sample[] {
  const enabledFamily = family('openclaw_cron_job_enabled');
  const errorsFamily = family('openclaw_cron_consecutive_errors');
  const overdueFamily = family('openclaw_cron_job_overdue_seconds');
  const statusFamily = family('openclaw_cron_last_run_status');
  const count = family('openclaw_cron_jobs');
  return [
    count.sample(counted, { enabled: 'true' }),
    ...jobs.flatMap(({ name, errors = 0, enabled = true, overdueSeconds }, index) => {
      const labels = { cron_job: name, cron_job_id: `id-${index}` };
      const own = [enabledFamily.sample(enabled ? 1 : 0, labels), errorsFamily.sample(errors, labels)];
      if (overdueSeconds === undefined) return own;
      const ran = statusFamily.sample(1, { ...labels, status: 'ok' });
      return [...own, ran, overdueFamily.sample(overdueSeconds, labels)];
    }),
  ];
}

describe('the headline', () => {
  it('says that nothing is known before anything was seen', async () => {
    expect(textOfPage(await page())).toContain('Nothing is known yet');
  });

  it('says that all is well only where every layer was seen well', async () => {
    expect(textOfPage(await page({ states: healthy() }))).toContain('All five layers are healthy');
    const four = textOfPage(await page({ states: healthy().slice(1) }));
    expect(four).toContain('Everything observed is healthy');
    expect(four).toContain('Not configured: Process.');
    const states = healthy().map((state, index) =>
      index === 2 ? seen({ layer: 'token', verdict: 'unknown' }) : state,
    );
    const unknown = textOfPage(await page({ states }));
    expect(unknown).not.toContain('All five layers are healthy');
    expect(unknown).toContain('Unknown: Token.');
  });

  it('tells a layer that is not configured from one that has no result yet, and neither is unknown', async () => {
    const states = healthy().filter((_, index) => LAYERS[index] !== 'network');
    const ready = textOfPage(await page({ states }));
    expect(ready).toContain('Everything observed is healthy Not configured: Network.');
    const starting = textOfPage(await page({ states, isReady: false }));
    expect(starting).toContain('Everything observed is healthy Not collected yet: Network.');
    for (const text of [ready, starting]) expect(text).not.toContain('Unknown');
  });

  it('names the likeliest cause with its evidence and next step, and what else is not well', async () => {
    const states = [
      ...healthy(),
      seen({ layer: 'cron', verdict: 'warning', text: 'a job fails' }),
      seen({ layer: 'process', verdict: 'bad', text: 'it is gone', repair: 'openclaw gateway restart' }),
    ];
    const text = textOfPage(await page({ states }));
    expect(text).toMatch(/Broken\. Likeliest cause: the gateway’s own process.*it is gone/);
    expect(text).toContain('Next step: openclaw gateway restart');
    expect(text).toContain('Also unhealthy: Cron (warning)');
  });

  it('links each step to the runbook of its fault', async () => {
    const html = await page({ states: [...healthy(), seen({ verdict: 'bad', fault: 'gateway-hung' })] });
    const link = (id: string) => `<a id="${id}" href="runbooks/OpenClawGatewayHung">OpenClawGatewayHung</a>`;
    expect(html).toContain(link('to-runbook'));
    expect(html).toContain(link('runbook-answers-0'));
    expect(await page({ states: healthy() })).not.toContain('href="runbooks/OpenClaw');
  });

  it('says that something could not be looked at', async () => {
    const states = [...healthy(), seen({}, { evidence: [], blind: 'no permission' })];
    const text = textOfPage(await page({ states }));
    expect(text).toContain('1 target could not be collected');
    expect(text).toMatch(/Not collected .*ping a ?: no permission/);
  });
});

describe('a note and a detail', () => {
  const note = {
    layer: 'cron',
    subject: 'job a',
    note: true,
    text: 'failed once',
    detail: 'HTTP 529',
  } as const;

  it('show a note by its own word, and the layer stays well', async () => {
    const text = textOfPage(await page({ states: [...healthy(), seen(note)] }));
    expect(text).toContain('All five layers are healthy');
    expect(text).toContain('Note job a : failed once');
  });

  it('show what the other side reported only where pages are behind authentication', async () => {
    const states = [...healthy(), seen(note)];
    expect(await page({ states })).not.toContain('HTTP 529');
    expect(textOfPage(await page({ states, showsDetails: true }))).toContain('it reported: HTTP 529');
  });
});

describe('what is not configured', () => {
  it('is shown as such and is neither unknown nor bad', async () => {
    const service = seen({ layer: 'process', subject: 'service', verdict: 'unknown', unconfigured: true });
    const text = textOfPage(await page({ states: [...healthy(), service] }));
    expect(text).toContain('All five layers are healthy');
    expect(text).toContain('Not configured service');
  });
});

describe('a repair', () => {
  const hung = seen({ layer: 'answers', verdict: 'bad', text: 'hangs', fault: 'gateway-hung' });

  it('is the one that check prints, each command alone in its box', async () => {
    const html = await page({ states: [...healthy(), hung] });
    const report = createReport({ states: [hung], address: 'a:1', machine: MACHINE, atMs: 0, tookMs: 0 });
    const printed = [report.nextStep, ...report.furtherSteps].flatMap((step) =>
      step?.isCommand ? [step.text] : [],
    );
    expect(printed.length).toBeGreaterThan(1);
    const boxes = [...html.matchAll(/<code>(.*?)<\/code>/g)].map(([, box]) => box);
    expect(boxes.slice(0, printed.length)).toEqual(printed);
  });

  it('names what the cause explains', async () => {
    const broken = seen({ layer: 'answers', verdict: 'bad', text: 'HTTP 500', fault: 'partial-failure' });
    const drift = seen({ layer: 'token', verdict: 'warning', text: '.env shadows it', fault: 'token-drift' });
    const text = textOfPage(await page({ states: [...healthy(), broken, drift] }));
    expect(text).toMatch(/Likeliest cause: authentication.*\.env shadows it.*It explains: \S+: HTTP 500/);
  });
});

describe('the objectives', () => {
  const pings = eventCounter('openclaw_gateway_pings_total', 'Pings.', {
    labels: ['result'],
    initial: [],
    meaning: { absent: 'never', zero: 'none' },
  });

  it('are told with what was kept of them so far, once anything was counted', async () => {
    const metrics = new Metrics();
    metrics.declare([pings]);
    expect(await page({ metrics })).not.toContain('id="objectives"');
    metrics.increment(pings, { result: 'ok' }, 999);
    metrics.increment(pings, { result: 'timeout' });
    expect(textOfPage(await page({ metrics }))).toContain(
      '99.9 % of 1,000 pings since the exporter started were answered (objective 99.5 %). Alerts judge 30 days.',
    );
  });
});

describe('planned maintenance', () => {
  /** What the collector itself says while `maintenance start 30m` lasts. */
  async function declared(): Promise<TargetState> {
    const storagePath = tempFolder();
    const clock = new FakeClock(NOW);
    declareMaintenance(storagePath, NOW + 30 * 60_000);
    const context = { storagePath, clock } as Partial<CollectorContext> as CollectorContext;
    const settings = { enabled: true, intervalMs: 5_000, timeoutMs: 1_000 };
    const collector = maintenanceCollector.create(context, settings, () => undefined);
    const observation = await collector.targets()[0]?.collect(new AbortController().signal);
    return seen({}, { collector: 'maintenance', evidence: observation?.evidence ?? [] });
  }

  it('is told, and is no fault of the gateway’s', async () => {
    const text = textOfPage(await page({ states: [...healthy(), await declared()] }));
    expect(text).toContain('All five layers are healthy');
    expect(text).toContain('maintenance : planned until 2026-09-20T12:30:00.000Z');
    expect(text).not.toContain('Warning');
  });

  it('does not stand in for a layer of which nothing is known', async () => {
    const text = textOfPage(await page({ states: [...healthy().slice(1), await declared()] }));
    expect(text).toContain('Not configured: Process.');
  });
});

describe('a layer', () => {
  it('shows its state, since when, evidence and next step', async () => {
    const states = [
      seen(
        { verdict: 'bad', text: 'refused', repair: 'openclaw gateway restart' },
        { sinceMs: [NOW - 90 * 60_000], atMs: NOW - 15_000 },
      ),
    ];
    const text = textOfPage(await page({ states, layerSince: () => NOW - 26 * 3_600_000 }));
    expect(text).toContain('Answers : Broken Broken since 2026-09-19 10:00 UTC (26 h)');
    expect(text).toContain(
      'gateway : refused Next step: openclaw gateway restart Runbook: OpenClawGatewayDown since 10:30 UTC (90 min) · checked 15 s ago',
    );
    expect(text).toContain('Not configured: Process, Token, Cron, Network.');
  });

  it('shows what needs attention first, and says how much it leaves out', async () => {
    const many = Array.from({ length: 500 }, (_, index) => seen({ subject: `host ${index}` }));
    const html = await page({ states: [...many, seen({ subject: 'the one', verdict: 'bad' })] });
    const text = textOfPage(html);
    expect(text.lastIndexOf('the one')).toBeLessThan(text.indexOf('host 0'));
    expect(text).toMatch(/471 more not shown: 471 OK/);
    expect(html.length).toBeLessThan(64 * 1024);
  });

  it('has a word for its state wherever it has a colour', async () => {
    const states = (['ok', 'warning', 'bad', 'unknown'] as const).map((verdict) => seen({ verdict }));
    const html = await page({ states });
    const badges = [...html.matchAll(/<span class="badge [a-z]+">(.*?)<\/span>/gs)];
    expect(badges.length).toBeGreaterThan(LAYERS.length);
    for (const [, inner = ''] of badges) expect(textOfPage(inner)).toMatch(/\w/);
  });
});

describe('the table of jobs', () => {
  it('is not there without jobs', async () => {
    expect(await page({ states: healthy() })).not.toContain('<table');
  });

  it('shows those in trouble first', async () => {
    const jobs = [{ name: 'fine' }, { name: 'failing', errors: 4 }, { name: 'off', enabled: false }];
    const text = textOfPage(await page({ metrics: metricsWith('cron', jobSamples(jobs)) }));
    expect(text).toMatch(/Jobs 3.*failing Failing.* 4 .*fine .*off Disabled/);
  });

  it('calls a job overdue from the configured grace on', async () => {
    const metrics = metricsWith('cron', jobSamples([{ name: 'late', overdueSeconds: 700 }]));
    expect(textOfPage(await page({ metrics, graceMs: 600_000 }))).toContain('late Overdue');
    expect(textOfPage(await page({ metrics, graceMs: 3_600_000 }))).toContain('late OK');
  });

  it('counts jobs that have no series of their own', async () => {
    const text = textOfPage(await page({ metrics: metricsWith('cron', jobSamples([{ name: 'a' }], 700)) }));
    expect(text).toContain('1 of 700, failing ones first; 699 not shown');
  });

  it('stays small with ten thousand jobs of the longest names, and keeps the worst', async () => {
    const jobs = Array.from({ length: 10_000 }, (_, index) => ({
      name: `${'<'.repeat(120)}${index}`,
      errors: index === 7_777 ? 9 : 0,
    }));
    const html = await page({ metrics: metricsWith('cron', jobSamples(jobs)) });
    expect(html.length).toBeLessThan(256 * 1024);
    expect(html.match(/<tr role="row"><th scope="row"/g)).toHaveLength(MAX_ROWS);
    expect(textOfPage(html)).toMatch(/7777 Failing/);
  });

  it('lets others work while it is made', async () => {
    const jobs = Array.from({ length: 20_000 }, (_, index) => ({ name: `${index}` }));
    const metrics = metricsWith('cron', jobSamples(jobs));
    let turns = 0;
    let isMade = false;
    const count = () => {
      turns += 1;
      if (!isMade) setImmediate(count);
    };
    setImmediate(count);
    await page({ metrics });
    isMade = true;
    expect(turns).toBeGreaterThanOrEqual(8);
  });

  it('reads only metrics that there are', () => {
    const reference = readFileSync(join(import.meta.dirname, '../../../../docs/metrics.md'), 'utf8');
    const read = [...JOB_METRICS, ...HOST_METRICS, ...OBJECTIVE_METRICS];
    expect(read.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
    expect(CRON_FAMILIES.map(({ name }) => name)).toEqual(expect.arrayContaining([...JOB_METRICS]));
  });
});

describe('the table of hosts', () => {
  const host = (name: string, up: number | undefined, alwaysOn: number, phases: Record<string, number>) => [
    family('openclaw_ssh_host_always_on').sample(alwaysOn, { host: name }),
    ...(up === undefined ? [] : [family('openclaw_ssh_up').sample(up, { host: name })]),
    ...Object.entries(phases).map(([phase, value]) =>
      family('openclaw_ssh_phase_up').sample(value, { host: name, phase }),
    ),
  ];

  it('shows how far the way to each goes, those that must be on and are not first', async () => {
    const samples = [
      ...host('works', 1, 1, { resolve: 1, connect: 1, banner: 1, command: 1 }),
      ...host('asleep', 0, 0, { resolve: 1, connect: 0 }),
      ...host('silent', 0, 1, { resolve: 1, connect: 1, banner: 0 }),
    ];
    const states = ['works', 'asleep', 'silent', 'blind'].map((target) =>
      seen({ layer: 'network', subject: target }, { collector: 'ssh', target }),
    );
    const text = textOfPage(await page({ states, metrics: metricsWith('ssh', samples) }));
    expect(text).toMatch(
      /SSH hosts 4.*silent Not reachable connected, no SSH banner.*asleep Away connection failed.*blind Unknown unknown.*works Reachable command ran/,
    );
  });
});

describe('the source of the page', () => {
  it('has no line that is wider than a screen', () => {
    const folder = join(import.meta.dirname, '../../../../src/web/page');
    const wide = readdirSync(folder).flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .flatMap((line, index) => (line.length > 110 ? [`${file}:${index + 1}`] : [])),
    );
    expect(wide).toEqual([]);
  });
});

describe('hostile words', () => {
  const HOSTILE = `<script>alert(1)</script>"'&\u0000\u{202e}`;

  it('stand escaped wherever they stand', async () => {
    const states = [
      seen(
        { verdict: 'bad', subject: HOSTILE, text: HOSTILE, repair: HOSTILE },
        { blind: HOSTILE, target: HOSTILE, collector: 'ssh' },
      ),
    ];
    const info = gauge('openclaw_gateway_info', 'A.', { labels: ['version'], meaning: { absent: 'x' } });
    const metrics = metricsWith('cron', jobSamples([{ name: HOSTILE }]));
    metrics.declare([info]);
    metrics.put({ collector: 'ping', target: 'a' }, [info.sample(1, { version: HOSTILE })]);
    const html = await page({ states, metrics, version: HOSTILE });
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toContain('alert(1)</script>');
    expect(html).not.toContain(`"'`);
    for (const character of ['\u0000', '\u{202e}']) expect(html).not.toContain(character);
    // Headline 3, layer 3, blind 2, hosts 1, jobs 1, gateway 1, exporter 2.
    expect(html.split('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;').length - 1).toBe(13);
  });

  it('never make another element, whatever they are', async () => {
    const shape = (html: string) => [...html.matchAll(/<\/?([a-z]\w*)/g)].map(([, name]) => name).join();
    const withName = (name: string) =>
      page({
        states: [seen({ subject: name, text: name, repair: name, verdict: 'bad' })],
        metrics: metricsWith('cron', jobSamples([{ name }])),
      });
    const expected = shape(await withName('a'));
    const pieces = fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '&',
      '=',
      '/',
      '`',
      '\\',
      '\u{2028}',
      'script',
      '-->',
      ' ',
    );
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.oneof(pieces, fc.string({ maxLength: 1 })) }), async (name) => {
        expect(shape(await withName(name))).toBe(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('are cut when somebody wrote a book', async () => {
    const html = await page({ states: [seen({ text: 'x'.repeat(1_000_000) })] });
    expect(html.length).toBeLessThan(64 * 1024);
  });
});

describe('a time', () => {
  it.each([
    [0, '0 s'],
    [119_999, '119 s'],
    [120_000, '2 min'],
    [7_200_000, '2 h'],
    [2 * 86_400_000, '2 d'],
    [-5, '0 s'],
  ])('of %d ms is %s', (ms, words) => {
    expect(span(ms)).toBe(words);
  });

  it('that no date can hold is no reason to show no page', () => {
    expect(since(Number.MAX_VALUE, NOW).text).toContain('since');
    expect(since(Number.NaN, NOW).text).toContain('since');
  });
});
