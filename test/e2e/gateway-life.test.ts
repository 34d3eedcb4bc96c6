import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, type Series, sampleOf } from '../support/exposition.ts';
import { HttpRecorder } from '../support/http-recorder.ts';
import { leave } from '../support/leave.ts';
import { GatewayHome, newToken, VERSIONS } from '../support/openclaw.ts';
import { rememberSecret } from '../support/secrets.ts';
import { inTerminal } from '../support/terminal.ts';

const PROVIDER = 'localai';
const OTHER_VERSION = '2026.10.1';
const SECOND = { interval: '1s' };
const CONFIG = {
  cron: { api: true, publish_delay: '0s' },
  collectors: {
    process: SECOND,
    ping: SECOND,
    token: SECOND,
    boots: SECOND,
    channels: SECOND,
    credentials: SECOND,
    versions: SECOND,
  },
};

/** What a provider answers that refuses the key, and one that was not paid. */
const REFUSALS = {
  '2026.9.6': { status: 401, message: 'Incorrect API key provided', reason: 'auth' },
  '2026.5.7': { status: 402, message: 'Insufficient credits', reason: 'billing' },
} as const;

describe.each(VERSIONS)('the life of a real gateway %s', (version) => {
  const token = newToken();
  const apiKey = newToken();
  const botToken = `123456:${newToken()}`;
  let provider: HttpRecorder;
  let bin: string;
  let home: GatewayHome;
  let gateway: Child;
  let exporter: Exporter;

  beforeAll(async () => {
    rememberSecret(botToken);
    const { status, message } = REFUSALS[version];
    provider = await HttpRecorder.start(() => ({ status, body: JSON.stringify({ error: { message } }) }));
    home = await GatewayHome.createWithOwnPackage(version);
    home.configure(token, settings(provider.port, botToken));
    await storeApiKey(home, apiKey);
    // As a package manager links the program; a 2026.5.7 started by hand shows its package nowhere else.
    bin = mkdtempSync(join(tmpdir(), 'openclaw-e2e-bin-'));
    symlinkSync(home.program, join(bin, 'openclaw'));
    if (version === '2026.5.7') writeAskingJob(home);
    exporter = await Exporter.start({ env: { ...home.env, PATH: bin }, config: CONFIG });
    gateway = await home.startPatiently();
    if (version !== '2026.5.7') {
      await home.cli(token, 'cron', 'add', '--name', 'ask', '--every', '5s', ...ASKING_ARGUMENTS);
    }
  });

  afterAll(async () => {
    await leave({ exporter, gateway, home });
    await provider?.stop();
    rmSync(bin, { recursive: true, force: true });
  });

  it('shows a stored credential in cooldown after the provider refused it', async () => {
    await exporter.untilShown(
      'the cooldown',
      (series) =>
        expect(
          sampleOf(series, 'openclaw_provider_credential_cooldown', { provider: PROVIDER, kind: 'api_key' }),
        ).toBe(1),
      120_000,
    );
    expect(await statusPage()).toContain(`(${REFUSALS[version].reason})`);
  });

  it('shows an account that cannot connect as down, and a disabled one as disabled', async () => {
    const terminal = version === '2026.5.7' ? undefined : inTerminal(home, 'tui');
    if (terminal === undefined) await home.cli(token, 'cron', 'list');
    await exporter.untilShown(
      'the accounts',
      (series) => {
        const account = { channel: 'telegram', account: 'main' };
        expect(sampleOf(series, 'openclaw_channel_up', account)).toBe(0);
        const state = matching(series, 'openclaw_channel_state', account).find(({ value }) => value === 1);
        expect(['starting', 'recovering']).toContain(state?.labels.state);
        const off = { channel: 'telegram', account: 'off', state: 'disabled' };
        expect(sampleOf(series, 'openclaw_channel_state', off)).toBe(1);
        expect(matching(series, 'openclaw_channel_up', { account: '' })).toEqual([]);
      },
      90_000,
    );
    await terminal?.end('SIGTERM');
  });

  it('shows a package that was replaced while it runs', async () => {
    await exporter.untilShown('the same version', (series) => {
      expect(sampleOf(series, 'openclaw_gateway_installed_info', { version })).toBe(1);
      expect(sampleOf(series, 'openclaw_gateway_version_skew')).toBe(0);
    });
    replaceBuildInfo(home);
    await exporter.untilShown('another version', (series) => {
      expect(sampleOf(series, 'openclaw_gateway_installed_info', { version: OTHER_VERSION })).toBe(1);
      expect(sampleOf(series, 'openclaw_gateway_version_skew')).toBe(1);
    });
  });

  it('counts a boot after SIGKILL as unclean, where the gateway keeps a record', async () => {
    const before = bootsOf(await exporter.series());
    await gateway.end('SIGKILL');
    gateway = await home.startPatiently();
    if (version === '2026.5.7') {
      expect(bootsOf(await exporter.series())).toEqual({});
      return;
    }
    await exporter.untilShown('the boot', (series) => {
      const boots = bootsOf(series);
      expect(boots).toEqual({ ...before, unclean: (before.unclean ?? 0) + 1 });
      expect(sampleOf(series, 'openclaw_gateway_safe_mode')).toBe(0);
    });
  });

  const statusPage = async () => (await fetch(exporter.url('/'))).text();
});

function bootsOf(series: readonly Series[]): Readonly<{ [reason: string]: number }> {
  return Object.fromEntries(
    matching(series, 'openclaw_gateway_boots_total').map(({ labels, value }) => [labels.reason ?? '', value]),
  );
}

/** A model provider on this machine, and a Telegram bot that reaches no network. */
function settings(port: number, botToken: string) {
  const model = { id: 'm1', name: 'm1', contextWindow: 128_000, maxTokens: 1_000 };
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  return {
    models: { providers: { [PROVIDER]: { baseUrl, api: 'openai-completions', models: [model] } } },
    agents: { defaults: { model: { primary: `${PROVIDER}/m1`, fallbacks: [] } } },
    channels: {
      telegram: {
        enabled: true,
        accounts: { main: { enabled: true, botToken }, off: { enabled: false, botToken } },
      },
    },
  };
}

/** Stores a key as each version does: by its CLI, or in the agent's file. */
async function storeApiKey(home: GatewayHome, apiKey: string): Promise<void> {
  if (home.version === '2026.5.7') {
    const folder = join(home.stateDir, 'agents', 'main', 'agent');
    mkdirSync(folder, { recursive: true });
    const profiles = { [`${PROVIDER}:manual`]: { type: 'api_key', provider: PROVIDER, key: apiKey } };
    writeFileSync(join(folder, 'auth-profiles.json'), JSON.stringify({ version: 1, profiles }));
    return;
  }
  const args = [home.program, 'models', 'auth', 'paste-api-key', '--provider', PROVIDER];
  const env = { ...home.env, PATH: process.env.PATH ?? '', NO_COLOR: '1' };
  await new Promise<void>((resolve, reject) => {
    const child = execFile(process.execPath, args, { env, cwd: home.root }, (error) =>
      error === null ? resolve() : reject(error),
    );
    child.stdin?.end(`${apiKey}\n`);
  });
}

const ASKING_ARGUMENTS = ['--session', 'isolated', '--message', 'hello', '--no-deliver'];

/** A job that asks the model every few seconds, in the file of 2026.5.7. */
function writeAskingJob(home: GatewayHome): void {
  const now = Date.now();
  const job = {
    id: 'ask-1',
    name: 'ask',
    enabled: true,
    createdAtMs: now,
    updatedAtMs: now,
    schedule: { kind: 'every', everyMs: 5_000, anchorMs: now },
    state: {},
    sessionTarget: 'isolated',
    wakeMode: 'now',
    payload: { kind: 'agentTurn', message: 'hello' },
    delivery: { mode: 'none' },
  };
  mkdirSync(join(home.stateDir, 'cron'), { recursive: true });
  writeFileSync(join(home.stateDir, 'cron', 'jobs.json'), JSON.stringify({ version: 1, jobs: [job] }));
}

/** A new file, not new content: the old one is shared with other installations. */
function replaceBuildInfo(home: GatewayHome): void {
  const path = join(dirname(home.program), 'dist', 'build-info.json');
  rmSync(path);
  writeFileSync(
    path,
    JSON.stringify({ version: OTHER_VERSION, commit: '0', builtAt: '2026-10-01T00:00:00Z' }),
  );
}
