import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Report, reportSchema } from '../../src/cli/check/report.ts';
import { readPairedDevice } from '../../src/openclaw/paired-device.ts';
import { Child } from '../support/child.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { expectNoSecretShown, keepOutput, rememberSecret } from '../support/secrets.ts';
import { inTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

const LAUNCHER = fileURLToPath(new URL('../../src/launch.js', import.meta.url));
const PROXY = { userHeader: 'x-forwarded-user', allowLoopback: true };

/** Plays a gateway whose `gateway.auth` is `auth`; `configured` replaces it for the exporter once it runs. */
async function play(auth: object, more: object, storedPassword?: string): Promise<Report> {
  const home = await GatewayHome.create('2026.9.6');
  const config = { mode: 'local', port: home.port, bind: 'loopback', auth, ...more };
  const file = join(home.stateDir, 'openclaw.json');
  writeFileSync(file, JSON.stringify({ gateway: config }), { mode: 0o600 });
  const args = [home.program, 'gateway', 'run', '--allow-unconfigured'];
  const gateway = new Child(process.execPath, args, { env: home.env, cwd: home.root });
  try {
    await home.untilReady(gateway);
    return await check(home, storedPassword);
  } finally {
    await gateway.end();
    home.remove();
  }
}

const OFF = { clock: { enabled: false }, tailscale: { enabled: false } };

/** Pairs the CLI's device with a gateway that then keeps its token to itself: only the device gets in. */
async function playDeviceAlone(): Promise<Report> {
  const home = await GatewayHome.create('2026.9.6');
  const token = newToken();
  home.configure(token);
  let gateway = await home.startReady();
  try {
    await pairDevice(home);
    await gateway.end();
    const config = { mode: 'local', port: home.port, bind: 'loopback', auth: { mode: 'token' } };
    writeFileSync(join(home.stateDir, 'openclaw.json'), JSON.stringify({ gateway: config }), { mode: 0o600 });
    gateway = await home.startReady(token);
    return await runCheck(home, { collectors: OFF, cron: { api: true } });
  } finally {
    await gateway.end();
    home.remove();
  }
}

async function pairDevice(home: GatewayHome): Promise<void> {
  const terminal = inTerminal(home, 'tui');
  const isPaired = async () => {
    const found = await readPairedDevice(home.stateDir);
    if (found.state === 'paired') rememberSecret(found.device.token.reveal());
    return found.state === 'paired';
  };
  try {
    await until(isPaired, { timeoutMs: 60_000, everyMs: 250, what: 'the CLI to pair its device' });
  } finally {
    await terminal.end('SIGTERM');
  }
}

async function check(home: GatewayHome, storedPassword: string | undefined): Promise<Report> {
  const off = { ...OFF, cron: { enabled: false } };
  const passwordFile = join(home.root, 'password');
  if (storedPassword !== undefined) writeFileSync(passwordFile, storedPassword, { mode: 0o600 });
  const gateway = storedPassword === undefined ? {} : { gateway: { token_file: passwordFile } };
  return runCheck(home, { collectors: off, ...gateway });
}

async function runCheck(home: GatewayHome, config: object): Promise<Report> {
  const configFile = join(home.root, 'check.yml');
  writeFileSync(configFile, JSON.stringify(config));
  const flags = [`--config.file=${configFile}`, `--storage.path=${join(home.root, 'storage')}`];
  const child = new Child(process.execPath, [LAUNCHER, 'check', '--json', ...flags], { env: home.env });
  await child.exited;
  keepOutput('check', child.output);
  return reportSchema.parse(JSON.parse(child.output));
}

/** The evidence of token and API function, each with its verdict. */
function describeAccess({ layers }: Report): readonly string[] {
  return layers
    .flatMap(({ layer, evidence }) =>
      evidence.filter(({ subject }) => layer === 'token' || subject === 'sessions_list'),
    )
    .map(({ verdict, text }) => `${verdict}: ${text.replace(/ in \d+ ms$/, '')}`);
}

describe('an authentication mode of a real gateway', () => {
  it('password: the password is proved, and the function is called with it', async () => {
    const report = await play({ mode: 'password', password: newToken() }, {});
    expect(describeAccess(report)).toEqual([
      'ok: answers',
      'ok: the gateway accepts the credential of openclaw.json',
    ]);
  });

  it('none: there is nothing to prove, and the function is called without a credential', async () => {
    const report = await play({ mode: 'none' }, {});
    expect(describeAccess(report)).toEqual([
      'ok: answers',
      'unseen: the gateway compares no token (auth mode none)',
    ]);
    expect(report.verdict).toBe('ok');
  });

  it('trusted-proxy with a local password: the password is proved as one past the proxy', async () => {
    const auth = { mode: 'trusted-proxy', password: newToken(), trustedProxy: PROXY };
    const report = await play(auth, { trustedProxies: ['127.0.0.1'] });
    expect(describeAccess(report)).toEqual([
      'ok: answers',
      'ok: the gateway accepts the credential of openclaw.json',
    ]);
  });

  it('trusted-proxy with another password than the one at hand: that is refused', async () => {
    const auth = { mode: 'trusted-proxy', password: newToken(), trustedProxy: PROXY };
    const report = await play(auth, { trustedProxies: ['127.0.0.1'] }, newToken());
    const shown = describeAccess(report).join('\n');
    expect(shown).toContain("bad: the gateway refuses the credential of the exporter's token_file");
    expect(shown).toContain('unknown: not called: no credential is known to be valid');
  });

  it('trusted-proxy alone: nothing can be proved from here, and nothing is wrong', async () => {
    const auth = { mode: 'trusted-proxy', trustedProxy: PROXY };
    const report = await play(auth, { trustedProxies: ['127.0.0.1'] });
    const shown = describeAccess(report);
    expect(shown).toHaveLength(2);
    for (const text of shown) expect(text).toMatch(/^unseen: .*the proxy authenticates clients/);
    expect(report.verdict).toBe('ok');
  });

  it('device token: the paired device is proved by the API, the rest is absent with its reason', async () => {
    const report = await playDeviceAlone();
    const shown = describeAccess(report).join('\n');
    expect(shown).toContain('unseen: no credential is configured, so none can be proved');
    expect(shown).toMatch(/sessions_list|not called: no credential/);
    const cron = report.layers.find(({ layer }) => layer === 'cron')?.evidence ?? [];
    const wrong = report.layers
      .flatMap(({ evidence }) => evidence)
      .filter(({ verdict }) => verdict === 'bad');
    expect(wrong).toEqual([]);
    expect(cron.find(({ subject }) => /api/.test(subject))).toMatchObject({ verdict: 'ok' });
    expect(report.verdict).toBe('ok');
  });

  it('shows no credential anywhere', () => expectNoSecretShown());
});
