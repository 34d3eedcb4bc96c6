import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { reportSchema } from '../../../../src/cli/check/report.ts';
import { startBlackHole } from '../../../support/black-hole.ts';
import { Child } from '../../../support/child.ts';
import { SqliteStore } from '../../../support/cron-store.ts';
import { fakeGateway, tcpServer } from '../../../support/hostile.ts';
import { freePort } from '../../../support/ports.ts';
import { closeListener, startStandIn } from '../../../support/stand-in.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { until } from '../../../support/until.ts';

const LAUNCHER = fileURLToPath(new URL('../../../../src/launch.js', import.meta.url));

const STAND_IN = fileURLToPath(new URL('../../../support/stand-in-gateway.ts', import.meta.url));

interface Place {
  readonly home: string;
  readonly storage: string;
  readonly configFile: string;
}

/** A home folder whose openclaw.json names a gateway on `port`; collectors of the machine itself are off. */
function place(port: number, { token, config = {} }: { token?: string; config?: object } = {}): Place {
  const home = tempFolder();
  const openclaw = join(home, 'openclaw.json');
  const auth = token === undefined ? {} : { auth: { mode: 'token', token } };
  writeFileSync(openclaw, JSON.stringify({ gateway: { port, ...auth } }));
  const configFile = join(home, 'exporter.yml');
  const off = { clock: { enabled: false }, tailscale: { enabled: false } };
  writeFileSync(configFile, stringify({ collectors: off, gateway: { state_dir: home }, ...config }));
  return { home, storage: join(home, 'storage'), configFile };
}

function start({ home, storage, configFile }: Place, args: readonly string[], env = {}): Child {
  const all = [LAUNCHER, ...args, `--config.file=${configFile}`, `--storage.path=${storage}`];
  const child = new Child(process.execPath, all, { env: { HOME: home, ...env } });
  onTestFinished(() => child.end());
  return child;
}

/** A stand-in for a gateway, whose token is `right`. */
async function startGateway(port: number): Promise<void> {
  const env = { STAND_IN_PORT: String(port), STAND_IN_TOKEN: 'right' };
  const child = new Child(process.execPath, ['--disable-warning=ExperimentalWarning', STAND_IN], { env });
  onTestFinished(() => child.end());
  await until(() => child.output.includes('listening'), { what: 'the stand-in to listen' });
}

/** A job whose last runs failed ten minutes ago, with secrets in what the gateway recorded. */
function putFailingJob({ home }: Place, name: string, failures: number): void {
  const store = new SqliteStore(home);
  onTestFinished(() => store.stop());
  const now = Date.now();
  const everyMs = name === 'daily' ? 24 * 3_600_000 : 3_600_000;
  store.putJob('job-1', name, {
    job: { schedule: { kind: 'every', everyMs, anchorMs: now - 600_000 } },
    state: {
      lastRunAtMs: now - 600_000,
      lastRunStatus: 'error',
      lastErrorReason: 'auth',
      lastError: '401 at https://ada:pw@api.example.com/v1?key=k for /home/ada/notes.md, key abcd1234efgh',
      consecutiveErrors: failures,
      nextRunAtMs: now - 600_000 + everyMs,
    },
  });
}

async function run(where: Place, ...args: readonly string[]) {
  const child = start(where, ['check', ...args]);
  return { code: await child.exited, output: child.output };
}

async function report(where: Place) {
  const { code, output } = await run(where, '--json');
  const parsed = reportSchema.parse(JSON.parse(output));
  expect(code).toBe(parsed.exitCode);
  return parsed;
}

const verdictOf = (parsed: Awaited<ReturnType<typeof report>>, layer: string) =>
  parsed.layers.find((one) => one.layer === layer)?.verdict;

describe('check', () => {
  it('with a bad configuration tells every mistake and ends with 2', async () => {
    const where = place(await freePort(), { config: { cron: { max_jobs: 0 } } });
    const { code, output } = await run(where);
    expect(code).toBe(2);
    expect(output).toContain('cron.max_jobs: 0 is not allowed');
  });

  it('with --textfile replaces that file by gauges that node_exporter may read, and prints nothing', async () => {
    const port = await freePort();
    await startGateway(port);
    const where = place(port, { token: 'right' });
    const file = join(where.home, 'openclaw.prom');
    writeFileSync(file, 'what was there before', { mode: 0o600 });
    const { code, output } = await run(where, `--textfile=${file}`);
    expect({ code, output }).toEqual({ code: 0, output: '' });
    expect(statSync(file).mode & 0o777).toBe(0o644);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^openclaw_gateway_up 1$/m);
    expect(text).toMatch(/^openclaw_gateway_token_match\{.*\} 1$/m);
    expect(text).not.toMatch(/^# TYPE \S+ (?!gauge)/m);
    expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
    expect(readdirSync(where.home).filter((name) => name.startsWith('openclaw.prom'))).toEqual([
      'openclaw.prom',
    ]);
  });

  it('with --textfile beside the file of another gateway names that file, writes nothing and ends with 2', async () => {
    const where = place(await freePort());
    const other = join(where.home, 'rescue.prom');
    writeFileSync(other, '# TYPE openclaw_gateway_up gauge\nopenclaw_gateway_up 1\n');
    writeFileSync(join(where.home, 'disk.prom'), 'smart_temperature 40\n');
    const file = join(where.home, 'openclaw.prom');
    const { code, output } = await run(where, `--textfile=${file}`);
    expect(code).toBe(2);
    expect(output).toContain(`--textfile: ${other} holds the series of another gateway`);
    expect(existsSync(file)).toBe(false);
    rmSync(other);
    expect((await run(where, `--textfile=${file}`)).output).toBe('');
    expect(readFileSync(file, 'utf8')).toContain('openclaw_gateway_up 0');
  });

  it('with --textfile in a folder that is not there says so and ends with 2', async () => {
    const where = place(await freePort());
    const { code, output } = await run(where, `--textfile=${join(where.home, 'none', 'openclaw.prom')}`);
    expect(code).toBe(2);
    expect(output).toContain('--textfile: cannot be written (ENOENT)');
  });

  it('with flags that belong to no command ends with 2', async () => {
    const child = start(place(await freePort()), ['--watch']);
    expect(await child.exited).toBe(2);
    expect(child.output).toContain('allowed with the command check alone');
  });

  it('of a gateway that is not there says so, names the cause and a next step, and ends with 1', async () => {
    const where = place(await freePort());
    const { code, output } = await run(where);
    expect(code).toBe(1);
    expect(output).toContain('no gateway process runs');
    expect(output).toContain("Likeliest cause: the gateway's own process");
    expect(output).toMatch(/Next step \(phase 1, light repair\):\n {2}openclaw gateway run\n/);
    expect(output).not.toContain('\u001b');
    expect(readdirSync(where.home)).not.toContain('storage');
  });

  it('of a gateway that answers ends with 0, though nothing is known of its token, jobs or hosts', async () => {
    const port = await freePort();
    await startGateway(port);
    const seen = await report(place(port));
    expect(seen).toMatchObject({ exitCode: 0, likeliestCause: null, nextStep: null });
    expect(verdictOf(seen, 'answers')).toBe('ok');
    expect(verdictOf(seen, 'process')).toBe('ok');
    expect(verdictOf(seen, 'cron')).toBe('unseen');
  });

  it('of a gateway whose listener is gone and which is not young any more blames its process', async () => {
    const port = await freePort();
    const where = place(port, { config: { gateway: { startup_window: '1s' } } });
    const gateway = await startStandIn('2026.9.6', port, {
      HOME: where.home,
      OPENCLAW_STATE_DIR: where.home,
    });
    onTestFinished(() => gateway.end());
    await closeListener(gateway);
    const seen = await until(async () => {
      const parsed = await report(where);
      return parsed.likeliestCause?.cause === 'process' ? parsed : undefined;
    });
    expect(verdictOf(seen, 'answers')).toBe('bad');
    expect(seen.exitCode).toBe(1);
  });

  it.each([
    { name: 'hourly', failures: 1, verdict: 'ok', code: 0 },
    { name: 'hourly', failures: 2, verdict: 'warning', code: 1 },
    { name: 'important', failures: 1, verdict: 'warning', code: 1 },
    { name: 'daily', failures: 1, verdict: 'warning', code: 1 },
  ])(
    'of the $name job that failed $failures times says so, and ends with $code',
    async ({ name, failures, verdict, code }) => {
      const port = await freePort();
      await startGateway(port);
      const where = place(port, { token: 'right' });
      putFailingJob(where, name, failures);
      const parsed = await report(where);
      expect([parsed.verdict, parsed.exitCode]).toEqual([verdict, code]);
      const job = parsed.layers
        .flatMap(({ evidence }) => evidence)
        .find((one) => one.subject === `job ${name}`);
      expect(job?.text).toContain(
        failures === 1 ? 'its last run failed' : `failed ${failures} times in a row`,
      );
      expect(job?.text).toMatch(/the model provider refused the credential \(auth\).*last run 10 min ago/);
      expect(job?.detail).toBe('401 at https://api.example.com/v1 for ~/notes.md, key [removed]');
      expect((await run(where, '--fail-on=critical')).code).toBe(0);
    },
  );

  it('of a port that swallows everything ends in time, with 1', async () => {
    const port = await freePort();
    const hole = await startBlackHole(port);
    onTestFinished(() => hole.end());
    const seen = await report(place(port, { token: 'never-sent' }));
    expect(seen.exitCode).toBe(1);
    expect(verdictOf(seen, 'answers')).toBe('bad');
    expect(verdictOf(seen, 'token')).toBe('unknown');
  });

  it('of a host that is away blames the network while the gateway answers', async () => {
    const port = await freePort();
    await startGateway(port);
    const ssh = { hosts: [{ name: 'gone', target: '127.0.0.1', port: await freePort() }] };
    const seen = await report(place(port, { config: { ssh } }));
    expect(seen).toMatchObject({ exitCode: 1, likeliestCause: { cause: 'network', subject: 'ssh gone' } });
    expect(verdictOf(seen, 'answers')).toBe('ok');
  });

  it('shows a wrong token at most 3 times in 5 minutes, says so, and never calls that healthy', async () => {
    const gateway = await fakeGateway('right');
    const where = place(gateway.port, { token: 'wrong' });
    for (let turn = 0; turn < 3; turn += 1) {
      const seen = await report(where);
      expect(verdictOf(seen, 'token')).toBe('bad');
    }
    const limited = await report(where);
    expect(verdictOf(limited, 'token')).toBe('warning');
    expect(limited.exitCode).toBe(1);
    expect(gateway.shown.filter((token) => token === 'wrong').length).toBe(3);
  });

  it('beside a running exporter leaves its state alone', async () => {
    const port = await freePort();
    await startGateway(port);
    const where = place(port);
    const exporter = start(where, ['--web.listen-address=127.0.0.1:0']);
    const file = join(where.storage, 'state.json');
    const url = await until(() => /url=(http:\S+)\/metrics/.exec(exporter.output)?.[1]);
    await until(async () => (await fetch(`${url}/-/ready`)).ok, { what: 'a first round' });
    const before = readFileSync(file, 'utf8');
    const { ino } = statSync(file);
    const seen = await report(where);
    expect(seen.exitCode).toBe(0);
    expect(JSON.stringify(seen)).not.toContain('another exporter');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(statSync(file).ino).toBe(ino);
    expect(exporter.ended).toBeUndefined();
    expect(exporter.output).not.toContain('failed to save state');
  });

  it('with --watch looks again and again until it is told to end', async () => {
    const port = await freePort();
    const child = start(place(port), ['check', '--watch', '--json']);
    const reports = () => child.output.split('\n').filter((line) => line !== '');
    await until(() => reports().length > 0, { what: 'a first report' });
    await startGateway(port);
    const lastCode = () => reportSchema.parse(JSON.parse(reports().at(-1) ?? '')).exitCode;
    await until(() => lastCode() === 0, { what: 'the repair to be seen', timeoutMs: 60_000 });
    child.signal('SIGTERM');
    expect(await child.exited).toBe(0);
  });

  it('that is told to end before it is done cannot tell, and leaves nothing behind', async () => {
    let met = false;
    const port = await tcpServer(() => {
      met = true;
    });
    const child = start(place(port), ['check']);
    await until(() => met, { what: 'the question' });
    child.signal('SIGINT');
    expect(await child.exited).toBe(2);
  });
});

describe('colours and progress', () => {
  /** Runs `check` on a terminal of its own, which util-linux' `script` makes. */
  async function onTerminal(env: Readonly<Record<string, string>>): Promise<string> {
    const where = place(await freePort());
    const words = [process.execPath, LAUNCHER, 'check', `--config.file=${where.configFile}`];
    const command = [...words, `--storage.path=${where.storage}`].map((word) => `'${word}'`).join(' ');
    const args = ['--quiet', '--return', '--command', command, '/dev/null'];
    const child = new Child('script', args, { env: { HOME: where.home, TERM: 'xterm', ...env } });
    onTestFinished(() => child.end());
    expect(await child.exited).toBe(1);
    return child.output;
  }

  it('are shown on a terminal', async () => {
    const output = await onTerminal({});
    expect(output).toContain('\u001b[31m');
    expect(output).toContain('collecting ');
  });

  it('give way to NO_COLOR, progress does not', async () => {
    const output = await onTerminal({ NO_COLOR: '1' });
    expect(output).not.toContain('\u001b[31m');
    expect(output).toContain('collecting ');
  });
});
