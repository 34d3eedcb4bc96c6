import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { startBlackHole } from '../support/black-hole.ts';
import { Child } from '../support/child.ts';
import { parseExposition, sampleOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

/** An answer of `/sd`, as Prometheus' `http_sd` takes it. */
const discovered = z.array(z.object({ targets: z.array(z.string()) }));

const LAUNCHER = fileURLToPath(new URL('../../src/launch.js', import.meta.url));
const PACKAGE = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Runs the program as a user does, in a home folder without any gateway. */
function run(...args: readonly string[]): Child {
  const child = new Child(process.execPath, [LAUNCHER, ...args], { env: { HOME: tempFolder() } });
  onTestFinished(() => child.end());
  return child;
}

/** Runs the program to its end. */
async function runToEnd(...args: readonly string[]) {
  const child = run(...args);
  return { code: await child.exited, output: child.output };
}

/** A configuration file with that content. */
function configFile(content: unknown): string {
  const file = join(tempFolder(), 'exporter.yml');
  writeFileSync(file, typeof content === 'string' ? content : stringify(content));
  return file;
}

/** Runs the program on a free port until it serves. */
async function serve(...args: readonly string[]) {
  const child = run('--web.listen-address=127.0.0.1:0', ...args);
  const url = await until(() => /url=(http:\S+)\/metrics/.exec(child.output)?.[1], {
    what: 'the program to serve',
  });
  const get = (path: string, init?: RequestInit) => fetch(`${url}${path}`, init);
  const sample = async (name: string, labels: Record<string, string> = {}) =>
    sampleOf(parseExposition(await (await get('/metrics')).text()), name, labels);
  return { child, url, get, sample };
}

/** Node versions on the PATH that are too old, such as a distribution's own. */
function oldNode(): string | undefined {
  try {
    const found = execFileSync('/bin/sh', ['-c', 'which -a node'], { encoding: 'utf8' }).split('\n');
    return found.find((file) => file !== '' && majorOf(file) < 22);
  } catch {
    return undefined;
  }
}

function majorOf(node: string): number {
  return Number(/^v(\d+)/.exec(execFileSync(node, ['--version'], { encoding: 'utf8' }))?.[1]);
}

describe('the flags of a collector', () => {
  it('count over the configuration file, also after it was read again', async () => {
    const file = configFile({ collectors: { clock: { enabled: false }, ssh: { enabled: true } } });
    const args = [`--config.file=${file}`, '--collector.clock', '--no-collector.ssh'];
    const { child, sample } = await serve(...args);
    const interval = (collector: string) =>
      sample('openclaw_exporter_collector_interval_seconds', { collector });
    expect(await interval('clock')).toBeGreaterThan(0);
    expect(await interval('ssh')).toBeUndefined();
    writeFileSync(file, stringify({ collectors: { clock: { enabled: false, interval: '17s' } } }));
    child.signal('SIGHUP');
    await until(async () => (await interval('clock')) === 17, { what: 'the new interval' });
    expect(await interval('ssh')).toBeUndefined();
  });

  it('with an unknown name end the program with 2 and the list of names', async () => {
    const { code, output } = await runToEnd('--no-collector.sshd');
    expect(code).toBe(2);
    expect(output).toContain('--no-collector.sshd: no such collector; allowed: process, ');
  });
});

describe('/metrics?collect[]=NAME', () => {
  it('shows what the whole exposition shows of that collector, and refuses a disabled one', async () => {
    const { get, sample } = await serve('--no-collector.ssh');
    await until(() => sample('openclaw_exporter_collector_up', { collector: 'disk' }), { what: 'a run' });
    const parts = await (await get('/metrics?collect[]=disk&collect[]=ping')).text();
    const names = new Set(parseExposition(parts).map(({ name }) => name));
    expect(names).toContain('openclaw_exporter_collector_up');
    expect([...names].filter((name) => /^(?:process|nodejs|openclaw_cron)_/.test(name))).toEqual([]);
    const answer = await get('/metrics?collect[]=ssh');
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('enabled: process, disk, ');
  });
});

describe('several --web.listen-address', () => {
  const at = (...ports: readonly number[]) => ports.map((port) => `--web.listen-address=127.0.0.1:${port}`);
  const isFree = (port: number) =>
    fetch(`http://127.0.0.1:${port}/-/healthy`).then(
      () => false,
      () => true,
    );

  it('are all served, each with a line in the log, and all closed at the end', async () => {
    const ports = [await freePort(), await freePort()];
    const child = run(...at(...ports));
    for (const port of ports) {
      await until(() => child.output.includes(`url=http://127.0.0.1:${port}/metrics`), { what: 'its line' });
      expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
    }
    child.signal('SIGTERM');
    expect(await child.exited).toBe(0);
    for (const port of ports) expect(await isFree(port)).toBe(true);
  });

  it('of which one is taken end the program with 2 and name it', async () => {
    const [free, taken] = [await freePort(), await freePort()];
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(taken, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { code, output } = await runToEnd(...at(free, taken));
    expect(code).toBe(2);
    expect(output).toMatch(
      new RegExp(`cannot listen on 127.0.0.1:${taken}: .+ listens there; .*\\(EADDRINUSE\\)`),
    );
    expect(await isFree(free)).toBe(true);
  });
});

describe('a bad start', () => {
  it('with a bad configuration tells every mistake and ends with 2', async () => {
    const file = configFile({ gateway: { url: 'nonsense' }, cron: { max_jobs: 0 } });
    for (const args of [[], ['--config.check']]) {
      const { code, output } = await runToEnd(`--config.file=${file}`, ...args);
      expect(code).toBe(2);
      expect(output.trim().split('\n').length).toBe(2);
      expect(output).toContain('gateway.url: a text of 8 characters is not allowed; allowed: ');
      // A URL may hold a password, so what stands in its place is not shown.
      expect(output).not.toContain('nonsense');
      expect(output).toContain('cron.max_jobs: 0 is not allowed; allowed: ');
    }
  });

  it('with a configuration file that is not there ends with 2', async () => {
    const { code, output } = await runToEnd('--config.file=/no/such/file.yml');
    expect(code).toBe(2);
    expect(output).toContain('/no/such/file.yml: cannot be read (ENOENT)');
  });

  it('with bad flags tells every mistake and ends with 2', async () => {
    const { code, output } = await runToEnd('--log.level=loud', '--web.listen-address=0.0.0.0:0');
    expect(code).toBe(2);
    expect(output.trim().split('\n').length).toBe(2);
  });

  it('on a port that is taken names it and ends with 2', async () => {
    const server = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const { code, output } = await runToEnd(`--web.listen-address=127.0.0.1:${port}`);
    await new Promise((resolve) => server.close(resolve));
    expect(code).toBe(2);
    expect(output).toMatch(
      new RegExp(`cannot listen on 127.0.0.1:${port}: .+ listens there; .*\\(EADDRINUSE\\)`),
    );
  });

  it('on a Node that is too old says one line and ends with 2', async ({ skip }) => {
    const node = oldNode();
    if (node === undefined) return skip('every Node on the PATH is new enough');
    const child = new Child(node, [LAUNCHER]);
    expect(await child.exited).toBe(2);
    expect(child.output).toMatch(/^openclaw-gateway-exporter needs Node >= 22\.19, this is [\d.]+; .*\n$/);
  });
});

describe('questions about the program itself', () => {
  it('are answered: --version, --help, --config.check', async () => {
    expect(await runToEnd('--version')).toEqual({
      code: 0,
      output: `openclaw-gateway-exporter ${PACKAGE.version}\n`,
    });
    const help = await runToEnd('--help');
    expect(help).toMatchObject({ code: 0, output: expect.stringContaining('--storage.path') });
    const file = configFile({ cron: { grace: '5m' } });
    expect(await runToEnd('--config.check', `--config.file=${file}`)).toEqual({
      code: 0,
      output: 'configuration is valid\n',
    });
  });
});

describe('a running exporter', () => {
  it('serves without any configuration and any gateway, and says nothing on standard error but log lines', async () => {
    const { child, get, sample } = await serve();
    await until(async () => (await get('/-/ready')).ok, { what: 'a first round' });
    expect(await sample('openclaw_exporter_build_info')).toBe(1);
    expect(await sample('openclaw_exporter_state_saved')).toBe(1);
    const lines = child.output.trim().split('\n');
    expect(lines.filter((line) => !line.startsWith('ts='))).toEqual([]);
  });

  it('goes on, and says so, where the storage path cannot be used', async () => {
    const { child, sample } = await serve('--storage.path=/dev/null/storage');
    expect(await sample('openclaw_exporter_state_saved')).toBe(0);
    expect(child.output).toContain('the storage path cannot be used (ENOTDIR)');
  });

  it('counts a corrupt state file and starts anew', async () => {
    const storage = tempFolder();
    writeFileSync(join(storage, 'state.json'), '{"version":1,');
    const { sample } = await serve(`--storage.path=${storage}`);
    expect(await sample('openclaw_exporter_state_corruptions_total')).toBe(1);
    expect(await sample('openclaw_exporter_state_saved')).toBe(1);
  });
});

describe('SIGTERM and SIGINT', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])(
    '%s ends it with 0, its children included, while every probe hangs',
    async (signal) => {
      const port = await freePort();
      const hole = await startBlackHole(port);
      onTestFinished(() => hole.end());
      const config = configFile({
        gateway: { url: `ws://127.0.0.1:${port}` },
        ssh: { hosts: [{ name: 'silent', target: '127.0.0.1', port }] },
      });
      const { child, get } = await serve(`--config.file=${config}`);
      // A scraper that keeps its connection open.
      await get('/metrics');
      const children = childrenOf(child.pid);
      await child.end(signal);
      expect(child.ended).toBe(0);
      expect(children.filter(isAlive)).toEqual([]);
    },
  );
});

describe('reloading by SIGHUP', () => {
  const successful = 'openclaw_exporter_config_last_reload_successful';
  const successTime = 'openclaw_exporter_config_last_reload_success_timestamp_seconds';
  const interval = 'openclaw_exporter_collector_interval_seconds';

  it('takes a good configuration, and keeps it when a bad one follows', async () => {
    const file = configFile({ collectors: { process: { interval: '10s' } } });
    const { child, sample } = await serve(`--config.file=${file}`);
    const processInterval = () => sample(interval, { collector: 'process' });
    expect(await sample(successful)).toBe(1);
    expect(await processInterval()).toBe(10);
    const startedAt = await sample(successTime);

    writeFileSync(file, stringify({ collectors: { process: { interval: '20s' } } }));
    child.signal('SIGHUP');
    await until(async () => (await processInterval()) === 20, { what: 'the new configuration' });
    expect(await sample(successful)).toBe(1);
    const reloadedAt = await sample(successTime);
    expect(reloadedAt).toBeGreaterThan(startedAt ?? Number.NaN);

    writeFileSync(file, 'gateway: {url: 5}');
    child.signal('SIGHUP');
    await until(async () => (await sample(successful)) === 0, { what: 'the refusal' });
    expect(await sample(successTime)).toBe(reloadedAt);
    expect(await processInterval()).toBe(20);
    expect(child.output).toContain('gateway.url: 5 is not allowed');

    writeFileSync(file, '');
    child.signal('SIGHUP');
    await until(async () => (await sample(successful)) === 1, { what: 'the repaired configuration' });
  });

  it('lets gateways come and go, for /sd and for /probe', async () => {
    const gateway = (name: string) => ({ name, url: 'ws://127.0.0.1:9' });
    const file = configFile({ gateways: [gateway('attic'), gateway('studio')] });
    const { child, get } = await serve(`--config.file=${file}`);
    const listed = async () =>
      discovered.parse(await (await get('/sd?module=gateway')).json()).flatMap(({ targets }) => targets);
    const probed = async (name: string) => (await get(`/probe?module=gateway&target=${name}`)).status;
    expect(await listed()).toEqual(['attic', 'studio']);
    expect([await probed('studio'), await probed('cellar')]).toEqual([200, 404]);

    writeFileSync(file, stringify({ gateways: [gateway('attic'), gateway('cellar')] }));
    child.signal('SIGHUP');
    await until(async () => (await listed()).includes('cellar'), { what: 'the new gateway' });
    expect(await listed()).toEqual(['attic', 'cellar']);
    expect([await probed('studio'), await probed('cellar')]).toEqual([404, 200]);
  });

  it('is not needed where the file is watched (--config.auto-reload-interval)', async () => {
    const file = configFile({ collectors: { process: { interval: '10s' } } });
    const { sample } = await serve(`--config.file=${file}`, '--config.auto-reload-interval=1s');
    const processInterval = () => sample(interval, { collector: 'process' });
    expect(await processInterval()).toBe(10);
    writeFileSync(file, stringify({ collectors: { process: { interval: '20s' } } }));
    await until(async () => (await processInterval()) === 20, { what: 'the new configuration' });
    writeFileSync(file, 'gateway: {url: 5}');
    await until(async () => (await sample(successful)) === 0, { what: 'the refusal' });
  });

  it('survives many at once', async () => {
    const { child, get, sample } = await serve(`--config.file=${configFile({})}`);
    for (let count = 0; count < 20; count += 1) child.signal('SIGHUP');
    await until(async () => (await get('/-/ready')).ok, { what: 'a round after the reloads' });
    await until(() => child.output.includes('configuration reloaded'), { what: 'a reload' });
    expect(await sample(successful)).toBe(1);
    expect(child.ended).toBeUndefined();
  });
});

describe('the runbooks', () => {
  it('are served from the sources, and the external URL is told where one is set', async () => {
    const address = 'https://mini.example.org/openclaw';
    const { url, get, sample } = await serve(`--web.external-url=${address}/`);
    expect(await sample('openclaw_exporter_external_url_info', { url: address })).toBe(1);
    const page = await get('/runbooks/OpenClawGatewayDown');
    expect(page.status).toBe(200);
    expect(await page.text()).toContain(`curl -sS ${url}/metrics`);
    expect((await get('/runbooks/OpenClawNothing')).status).toBe(404);
  });
});

describe('POST /-/reload', () => {
  it('works where it is switched on, and nowhere else', async () => {
    const closed = await serve();
    expect((await closed.get('/-/reload', { method: 'POST' })).status).toBe(404);
    const file = configFile({});
    const open = await serve('--web.enable-lifecycle', `--config.file=${file}`);
    expect((await open.get('/-/reload', { method: 'POST' })).status).toBe(200);
    writeFileSync(file, 'nonsense: 1');
    const refused = await open.get('/-/reload', { method: 'POST' });
    expect(refused.status).toBe(500);
    expect(await refused.text()).toContain('nonsense: unknown key');
  });
});

/** The pids of a process's children. */
function childrenOf(parent: number): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid = 0, ppid]) => (ppid === parent ? [pid] : []));
}

function isAlive(pid: number): boolean {
  const states = execFileSync('ps', ['-eo', 'pid=,stat='], { encoding: 'utf8' }).split('\n');
  return states.some((line) => new RegExp(`^\\s*${pid}\\s+[^Z]`).test(line));
}
