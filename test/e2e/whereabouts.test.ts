import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Report, reportSchema } from '../../src/cli/check/report.ts';
import { profilePort } from '../../src/openclaw/versions.ts';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, type Series, sampleOf, stateOf } from '../support/exposition.ts';
import { startNginx, startTunnel } from '../support/forwarders.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import { expectNoSecretShown, keepOutput } from '../support/secrets.ts';
import { until } from '../support/until.ts';

const LAUNCHER = fileURLToPath(new URL('../../src/launch.js', import.meta.url));
const OFF = { tailscale: { enabled: false }, clock: { enabled: false } };
const CONFIG = { collectors: { ...OFF, process: { interval: '2s' }, ping: { interval: '2s' } } };

const up = (series: readonly Series[]) => sampleOf(series, 'openclaw_gateway_up');
const processUp = (series: readonly Series[]) => sampleOf(series, 'openclaw_gateway_process_up');
const state = (series: readonly Series[]) => stateOf(series, 'openclaw_gateway_state', 'state');
const listens = (series: readonly Series[]) =>
  matching(series, 'openclaw_gateway_listen_info').map(({ labels }) => labels);

const started: Child[] = [];
function start(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Child {
  const child = new Child(file, args, { env });
  started.push(child);
  return child;
}

/** `check` in an environment, as `--json` has it; `through` is a program to start it through. */
async function check(
  home: GatewayHome,
  env: Readonly<Record<string, string>> = {},
  { config = CONFIG, through = [] }: { readonly config?: object; readonly through?: readonly string[] } = {},
): Promise<Report> {
  const configFile = join(home.root, 'check.yml');
  writeFileSync(configFile, JSON.stringify(config));
  const [file = '', ...args] = [
    ...through,
    process.execPath,
    LAUNCHER,
    'check',
    '--json',
    `--config.file=${configFile}`,
    `--storage.path=${join(home.root, 'storage')}`,
  ];
  const child = start(file, args, { ...home.env, ...env });
  await child.exited;
  keepOutput('check', child.output);
  return reportSchema.parse(JSON.parse(child.output));
}

const layer = ({ layers }: Report, name: string) => layers.find((one) => one.layer === name);
const words = (report: Report, name: string) =>
  (layer(report, name)?.evidence ?? []).map(
    ({ verdict, text, repair }) => `${verdict}: ${text} [${repair ?? ''}]`,
  );
const wrong = (report: Report) =>
  ['process', 'answers', 'token']
    .flatMap((name) => words(report, name))
    .filter((text) => /^(bad|warning)/.test(text));
/** Every command that a report names. */
const commands = (report: Report) =>
  [report.nextStep, ...report.furtherSteps].map((step) => step?.text ?? '').join('\n');

async function untilReadyAt(child: Child, url: string): Promise<void> {
  await until(
    async () => {
      if (child.ended !== undefined) throw new Error(`gateway ended: ${child.output.slice(-2000)}`);
      return (await fetch(`${url}/readyz`)).ok;
    },
    { timeoutMs: 240_000, everyMs: 250, what: 'the gateway to be ready' },
  );
}

const run = ['gateway', 'run', '--allow-unconfigured', '--auth', 'token'] as const;

afterAll(async () => {
  for (const child of started) await child.end('SIGKILL');
  expectNoSecretShown();
});

describe('beside a gateway 2026.5.7 that binds an address of its own', () => {
  let home: GatewayHome;
  let gateway: Child;
  const token = newToken();

  beforeAll(async () => {
    home = await GatewayHome.create('2026.5.7');
    home.configure(token, {
      gateway: {
        mode: 'local',
        port: home.port,
        bind: 'custom',
        customBindHost: '127.0.0.2',
        auth: { mode: 'token', token },
      },
    });
    gateway = start(process.execPath, [home.program, ...run], home.env);
    await untilReadyAt(gateway, `http://127.0.0.2:${home.port}`);
  });

  afterAll(() => home?.remove());

  it('asks it where it listens', async () => {
    const exporter = await Exporter.start({ env: home.env, config: CONFIG });
    try {
      await exporter.untilShown('the gateway to be up', (all) => {
        expect([up(all), processUp(all), state(all)]).toEqual([1, 1, 'up']);
        expect(listens(all)).toEqual([{ address: `127.0.0.2:${home.port}`, configured: 'true' }]);
        expect(sampleOf(all, 'openclaw_gateway_pings_total', { result: 'refused' })).toBe(0);
        expect(sampleOf(all, 'openclaw_gateway_token_match')).toBe(1);
      });
    } finally {
      await exporter.stop();
      exporter.remove();
    }
    // 2026.5.7 calls itself at 127.0.0.1, so bound elsewhere its functions fail, and no restart changes that.
    expect(wrong(await check(home))).toEqual([
      expect.stringMatching(/calls itself at 127\.0\.0\.1.*\[set gateway\.bind to loopback or lan/),
    ]);
  });

  it('never takes it for that of another user', async () => {
    const folder = join(home.root, 'other');
    mkdirSync(folder);
    chmodSync(home.root, 0o755);
    const env = { HOME: folder, OPENCLAW_GATEWAY_PORT: String(await freePort()) };
    const through = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const seen = await check(home, env, { through });
    expect(words(seen, 'process')[0]).toMatch(/^(bad: no gateway process runs|unknown)/);
    expect(JSON.stringify(seen)).not.toContain(String(gateway.pid));
  });

  it('calls it hung, and not starting, where a signal stopped it', async () => {
    gateway.signal('SIGSTOP');
    const seen = await check(home);
    gateway.signal('SIGCONT');
    expect(words(seen, 'answers').join()).toContain('hangs');
    expect(commands(seen)).toContain(`kill -CONT ${gateway.pid}`);
  });
});

describe('beside a gateway 2026.5.7 of a profile', () => {
  it('asks the default port, in the folder of the profile', async () => {
    const home = await GatewayHome.create('2026.5.7');
    const inside = [
      '--net',
      'sh',
      '-c',
      'ip link set lo up && exec "$@"',
      'sh',
      process.execPath,
      home.program,
    ];
    const token = newToken();
    const gateway = start('unshare', [...inside, '--profile', 'work', ...run, '--token', token], home.env);
    await until(() => gateway.output.includes('ready') || gateway.ended !== undefined, {
      timeoutMs: 240_000,
      what: 'the gateway to be ready',
    });
    const through = ['nsenter', '--net', `--target=${gateway.pid}`];
    for (const env of [
      { OPENCLAW_PROFILE: 'work' },
      { OPENCLAW_STATE_DIR: join(home.home, '.openclaw-work') },
    ]) {
      // A call to itself for which this version has no answer after ten seconds, as the first one on a busy
      // machine may not, gives HTTP 500.
      const seen = await until(
        async () => {
          const report = await check(home, env, { through });
          const said = { process: words(report, 'process'), gateway: gateway.output.slice(-2000) };
          const verdicts = ['process', 'answers'].map((name) => layer(report, name)?.verdict);
          expect({ ...said, wrong: wrong(report), verdicts }).toMatchObject({
            wrong: [],
            verdicts: ['ok', 'ok'],
          });
          return report;
        },
        { timeoutMs: 120_000, everyMs: 5_000, what: 'its functions to answer' },
      );
      expect(seen.gateway.address).toBe('127.0.0.1:18789');
    }
    await gateway.end('SIGKILL');
    home.remove();
  });
});

describe('beside a gateway 2026.9.6 that a service file starts on another port', () => {
  let home: GatewayHome;
  let gateway: Child;
  let port: number;
  const token = newToken();

  beforeAll(async () => {
    home = await GatewayHome.create('2026.9.6');
    home.configure(token);
    port = await freePort();
    const unit = join(home.home, '.config', 'systemd', 'user', 'openclaw-gateway.service');
    mkdirSync(dirname(unit), { recursive: true });
    const command = `ExecStart=${process.execPath} ${home.program} gateway --port ${port}`;
    writeFileSync(unit, `[Service]\n${command}\nEnvironment=OPENCLAW_GATEWAY_TOKEN=${token}\n`);
    gateway = start(process.execPath, [home.program, ...run, '--port', String(port)], home.env);
    await untilReadyAt(gateway, `http://127.0.0.1:${port}`);
  });

  afterEach(async () => {
    for (const child of started) if (child !== gateway) await child.end('SIGKILL');
  });
  afterAll(() => home?.remove());

  it('asks the living one, and warns of the difference with the command that mends it', async () => {
    const exporter = await Exporter.start({ env: home.env, config: CONFIG });
    try {
      await exporter.untilShown('the gateway to be up', (all) => {
        expect([up(all), processUp(all), state(all)]).toEqual([1, 1, 'up']);
        expect(listens(all)).toContainEqual({ address: `127.0.0.1:${port}`, configured: 'false' });
        expect(sampleOf(all, 'openclaw_gateway_token_present', { credential: 'service' })).toBe(1);
        expect(sampleOf(all, 'openclaw_gateway_forwarder')).toBe(0);
      });
    } finally {
      await exporter.stop();
      exporter.remove();
    }
    const seen = await check(home);
    expect(wrong(seen)).toEqual([expect.stringContaining('openclaw gateway install --force')]);
    expect(wrong(seen)[0]).toContain(`127.0.0.1:${home.port}`);
  });

  it('is well behind a program that passes requests on', async () => {
    const proxy = await startNginx(home.root, port);
    started.push(proxy.child);
    const exporter = await Exporter.start({
      env: home.env,
      config: { ...CONFIG, gateway: { url: `ws://127.0.0.1:${proxy.port}` } },
    });
    try {
      await exporter.untilShown('the forwarder', (all) => {
        expect([up(all), state(all), sampleOf(all, 'openclaw_gateway_forwarder')]).toEqual([1, 'up', 1]);
        expect(sampleOf(all, 'openclaw_gateway_token_match')).toBe(1);
        expect(sampleOf(all, 'openclaw_gateway_proxy_refusing')).toBe(0);
      });
      const config = { ...CONFIG, gateway: { url: `ws://127.0.0.1:${proxy.port}` } };
      expect(wrong(await check(home, {}, { config }))).toEqual([]);
      await proxy.child.end('SIGKILL');
      await exporter.untilShown('the forwarder to be gone', (all) => {
        expect([up(all), state(all), sampleOf(all, 'openclaw_gateway_forwarder')]).toEqual([0, 'refused', 0]);
      });
      const page = await (await fetch(exporter.url('/'))).text();
      expect(page).toContain('the tunnel or proxy to the gateway is gone');
      expect(page).not.toContain('openclaw gateway restart');
    } finally {
      await exporter.stop();
      exporter.remove();
    }
  });

  it('names gateway.trustedProxies where it refuses what a proxy passes on', async () => {
    const proxy = await startNginx(home.root, port, 'proxy_set_header X-Forwarded-For 192.0.2.1;');
    started.push(proxy.child);
    const config = { ...CONFIG, gateway: { url: `ws://127.0.0.1:${proxy.port}` } };
    const seen = await check(home, {}, { config });
    expect(words(seen, 'answers').join()).toMatch(/warning: .*gateway\.trustedProxies/);
    expect(seen.exitCode).toBe(1);
  });

  it('is not restarted here where a tunnel stands and nothing answers behind it', async () => {
    const dead = await freePort();
    const tunnel = await startTunnel(dead);
    started.push(tunnel.child);
    const other = join(home.root, 'laptop');
    mkdirSync(join(other, '.openclaw'), { recursive: true });
    const remote = { mode: 'remote', remote: { url: `ws://127.0.0.1:${tunnel.port}` } };
    writeFileSync(join(other, '.openclaw', 'openclaw.json'), JSON.stringify({ gateway: remote }));
    const seen = await check(home, { HOME: other });
    expect(seen.likeliestCause).toMatchObject({ cause: 'network', layer: 'answers' });
    expect(seen.likeliestCause?.text).toContain('nothing answers behind it');
    expect(commands(seen)).not.toMatch(/openclaw gateway (run|restart|install)|systemctl|reboot/);
    expect(layer(seen, 'process')?.verdict).toBe('unknown');
    await tunnel.child.end('SIGKILL');
    const gone = await check(home, { HOME: other });
    expect(gone.likeliestCause?.text).toContain('the tunnel or proxy to the gateway is gone');
    expect(commands(gone)).not.toMatch(/openclaw gateway (run|restart|install)|systemctl|reboot/);
  });

  it('is seen hung once it was up, though its process became known later', async () => {
    const config = {
      gateway: { url: `ws://127.0.0.1:${port}` },
      collectors: { ...OFF, process: { interval: '4s' }, ping: { interval: '1s', timeout: '1s' } },
    };
    const exporter = await Exporter.start({ env: home.env, config });
    try {
      await exporter.untilMetrics('the gateway to be up', (all) => up(all) === 1);
      gateway.signal('SIGSTOP');
      const seen = await exporter.untilMetrics('the gateway to be down', (all) => up(all) === 0);
      expect(state(seen)).toBe('hung');
    } finally {
      gateway.signal('SIGCONT');
      await exporter.stop();
      exporter.remove();
    }
  });
});

describe('beside a gateway 2026.9.6 whose profile only the variable names', () => {
  it('takes the port of the profile and the default folder', async () => {
    const home = await GatewayHome.create('2026.9.6');
    const profile = `e2e${process.pid}`;
    const token = newToken();
    const env = { ...home.env, OPENCLAW_PROFILE: profile };
    const gateway = start(process.execPath, [home.program, ...run, '--token', token], env);
    const port = profilePort(profile, undefined);
    await untilReadyAt(gateway, `http://127.0.0.1:${port}`);
    const seen = await check(home, { OPENCLAW_PROFILE: profile, OPENCLAW_GATEWAY_TOKEN: token });
    expect(seen.gateway.address).toBe(`127.0.0.1:${port}`);
    expect(wrong(seen)).toEqual([]);
    await gateway.end('SIGKILL');
    home.remove();
  });
});
