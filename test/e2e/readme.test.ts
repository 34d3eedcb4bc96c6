import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { parseExposition, type Series, sampleOf } from '../support/exposition.ts';
import { FreshClone, ROOT } from '../support/fresh-clone.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { blocksOf, textOf } from '../support/pages.ts';
import { PrometheusProcess } from '../support/prometheus-process.ts';
import { expectNoSecretShown, keepOutput } from '../support/secrets.ts';
import { NeverAnyMore, until } from '../support/until.ts';

/** What a newcomer reads in the first five minutes. */
const PAGES = ['README.md', 'docs/check.md'];
const README = textOf('README.md');
/** Every command that these pages show. */
const SHOWN = PAGES.flatMap((page) => blocksOf(textOf(page), 'sh').map((block) => block.trim()));
const ADDRESS = /<(http:\/\/127\.0\.0\.1:\d+)\/>/.exec(README)?.[1] ?? 'no address';

/** The one block that ends so; everything that is run here is taken from the page, nothing is typed again. */
function blockWith(words: RegExp): string {
  const found = [...new Set(SHOWN)].filter((block) => words.test(block));
  expect(found).toHaveLength(1);
  tried.add(found[0] ?? '');
  return found[0] ?? '';
}

const tried = new Set<string>();

/** The lines of `/metrics` that README shows. */
const SHOWN_METRICS =
  blocksOf(README, 'console')
    .find((block) => block.startsWith('$ curl'))
    ?.replace(/^\$.*\n/, '') ?? '';
const COMMAND = ['--command-argv', '["true"]'];

/** A series without its value, and without the values of labels that differ from gateway to gateway. */
function nameLabels({ name, labels }: Series): string {
  const { cron_job_id: _, version: __, ...rest } = labels;
  return `${name}${JSON.stringify(rest)}`;
}

describe('the first five minutes as README tells them, in a fresh clone, beside a real gateway', () => {
  const token = newToken();
  let clone: FreshClone;
  let home: GatewayHome;
  let gateway: Child;
  let exporter: Child;

  beforeAll(async () => {
    const { port } = new URL(ADDRESS);
    // As written, the commands listen there and nowhere else.
    await expect(fetch(ADDRESS), `port ${port} must be free`).rejects.toThrow();
    clone = FreshClone.make();
    home = await GatewayHome.create('2026.9.6');
    home.configure(token);
    gateway = await home.startReady();
  });

  afterAll(async () => {
    if (exporter?.ended === undefined) await clone?.interrupt(exporter);
    await gateway?.end('SIGTERM');
    home?.remove();
    clone?.remove();
  });

  async function series(): Promise<Series[]> {
    return parseExposition(await (await fetch(`${ADDRESS}/metrics`)).text());
  }

  async function untilSample(name: string, value: number): Promise<void> {
    await until(async () => sampleOf(await series(), name, {}) === value, {
      what: `${name} to be ${value}`,
      timeoutMs: 60_000,
    });
  }

  /** Runs a command of a page to its end and gives its exit code and what it printed. */
  async function finished(command: string): Promise<{ code: number | NodeJS.Signals; output: string }> {
    const child = clone.shell(command, home.env);
    const code = await child.exited;
    keepOutput(command, child.output);
    return { code, output: child.output };
  }

  it("can be installed from the lock file alone, on the machine's own Node", async () => {
    const { code, output } = await finished('npm ci --no-audit --no-fund');
    expect(output).toContain('added ');
    expect(code).toBe(0);
  });

  it('starts, shows the status page and the metrics, and leaves the lock file as it is', async () => {
    exporter = clone.shell(blockWith(/npm start$/), home.env);
    await until(
      async () => {
        if (exporter.ended !== undefined) throw new NeverAnyMore(exporter.output.slice(-2000));
        return (await fetch(`${ADDRESS}/`)).ok;
      },
      { what: 'the status page', timeoutMs: 120_000, everyMs: 100 },
    );
    await untilSample('openclaw_gateway_up', 1);
    await untilSample('openclaw_gateway_token_match', 1);
    expect(readFileSync(join(clone.folder, 'package-lock.json'), 'utf8')).toBe(textOf('package-lock.json'));
  });

  it('exposes every series that README shows, with the same labels', async () => {
    await home.cli(
      token,
      'cron',
      'add',
      '--name',
      'gcal-digest',
      '--every',
      '1h',
      '--no-deliver',
      ...COMMAND,
    );
    const shown = parseExposition(SHOWN_METRICS);
    expect(shown.length).toBeGreaterThanOrEqual(12);
    await until(
      async () => {
        const exposed = new Set((await series()).map(nameLabels));
        return shown.every((one) => exposed.has(nameLabels(one)));
      },
      { what: 'every series of README', timeoutMs: 60_000 },
    );
  });

  it("answers README's queries through a Prometheus with README's configuration", async () => {
    const [jobs = ''] = blocksOf(README, 'yaml');
    const prometheus = await PrometheusProcess.start(`global: { scrape_interval: 1s }\n${jobs}`);
    try {
      const [up = '', state = ''] = blocksOf(README, 'promql').map((query) => query.trim());
      await until(async () => (await prometheus.value(up)) === 1, { what: up, timeoutMs: 30_000 });
      await until(async () => (await prometheus.query(state)).length === 1, { what: state });
    } finally {
      await prometheus.stop();
    }
  });

  it('checks, and finds nothing wrong', async () => {
    const { code, output } = await finished(blockWith(/check$/));
    expect(output).toContain('Answers');
    expect(code).toBe(0);
  });

  it('declares planned maintenance and ends it', async () => {
    const [start = '', stop = '', ...more] = blockWith(/maintenance stop$/).split('\n');
    expect(more).toEqual([]);
    expect((await finished(start)).code).toBe(0);
    await untilSample('openclaw_gateway_maintenance', 1);
    expect((await finished(stop)).code).toBe(0);
    await untilSample('openclaw_gateway_maintenance', 0);
  });

  it('shows what installing the service would do, and does nothing where nobody agrees', async () => {
    const { code, output } = await finished(blockWith(/install-service$/));
    expect(output).toContain('ExecStart=');
    expect(output).toContain('nothing was done');
    expect(code).toBe(1);
  });

  it('ends at Ctrl-C', async () => {
    await clone.interrupt(exporter);
    keepOutput('npm start', exporter.output);
    await expect(fetch(ADDRESS)).rejects.toThrow();
    expectNoSecretShown();
  });

  it('has no command that is not run here; the tests themselves are what CI runs', () => {
    const parts = blockWith(/npm test$/).split(' && ');
    const ci = readFileSync(join(ROOT, '.ci', 'run'), 'utf8');
    for (const part of parts) expect(ci).toMatch(new RegExp(`^step ${part}( --no-\\w+)*$`, 'm'));
    expect(SHOWN.filter((block) => !tried.has(block))).toEqual([]);
  });
});
