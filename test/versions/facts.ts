import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import type { Series } from '../support/exposition.ts';
import { HttpRecorder } from '../support/http-recorder.ts';
import { GatewayHome, newToken, type Version } from '../support/openclaw.ts';
import { FAILING_PROVIDER, keepVersionFacts, readVersionFacts, VERSION_FACTS } from './fact-results.ts';

/** One version of each age. */
const MEASURED = [
  '2026.5.7',
  '2026.6.35',
  '2026.7.35',
  '2026.8.2',
  '2026.9.6',
] as const satisfies readonly Version[];
const SHORT = { interval: '4s' };
const CONFIG = {
  cron: { publish_delay: '0s' },
  collectors: Object.fromEntries(
    ['process', 'ping', 'token', 'cron', 'boots', 'channels', 'credentials', 'versions', 'devices']
      .concat(['deliveries', 'disk', 'oom'])
      .map((name) => [name, SHORT]),
  ),
};
/** A run fails after some seconds, on a busy machine after a minute. */
const SHOWN_MS = 150_000;
/** What is not shown so long after the last new fact is not told. */
const QUIET_MS = 60_000;
const EVERY_MS = 2_000;

const { values } = parseArgs({
  options: {
    version: { type: 'string', multiple: true, default: [...MEASURED] },
    again: { type: 'boolean', default: false },
  },
});

for (const version of MEASURED.filter((one) => values.version.includes(one))) {
  if (!values.again && readVersionFacts().some((one) => one.version === version)) continue;
  const result = { version, told: await measure(version), measuredAt: new Date().toISOString() };
  keepVersionFacts(result);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** What is shown of a gateway that was killed once, with a job and a channel that fail. */
async function measure(version: Version): Promise<string[]> {
  const body = JSON.stringify({ error: { message: 'Incorrect API key provided' } });
  const provider = await HttpRecorder.start(() => ({ status: 401, body }));
  const home = await GatewayHome.create(version);
  const token = newToken();
  home.configure(token, settings(provider.port));
  await storeKey(home).catch(() => undefined);
  let gateway: Child | undefined;
  const exporter = await Exporter.start({ env: home.env, config: CONFIG });
  try {
    gateway = await home.startPatiently();
    await gateway.end('SIGKILL');
    if (version === '2026.5.7') writeJob(home);
    gateway = await home.startPatiently();
    if (version !== '2026.5.7') await addJob(home, token);
    return await untilNothingNew(exporter);
  } finally {
    await exporter.stop('SIGKILL');
    exporter.remove();
    await gateway?.end('SIGKILL');
    await provider.stop();
    home.remove();
  }
}

/** All facts that were shown until nothing new was for a while; at the latest a failed run is one. */
async function untilNothingNew(exporter: Exporter): Promise<string[]> {
  const begunMs = performance.now();
  let found: string[] = [];
  let newAtMs = begunMs;
  for (;;) {
    const now = findFacts(await exporter.series());
    if (now.some((fact) => !found.includes(fact))) newAtMs = performance.now();
    found = VERSION_FACTS.map(({ fact }) => fact).filter(
      (fact) => found.includes(fact) || now.includes(fact),
    );
    const isQuiet = performance.now() - newAtMs > QUIET_MS;
    const hasFailed = found.includes(VERSION_FACTS[0]?.fact ?? '');
    if (isQuiet && (hasFailed || performance.now() - begunMs > SHOWN_MS)) return found;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

function findFacts(series: readonly Series[]): string[] {
  return VERSION_FACTS.filter(({ metric, labels = {}, least = Number.NEGATIVE_INFINITY }) =>
    series.some(
      (one) =>
        one.name === metric &&
        one.value >= least &&
        Object.entries(labels).every(([name, value]) => one.labels[name] === value),
    ),
  ).map(({ fact }) => fact);
}

function settings(port: number) {
  const model = { id: 'm1', name: 'm1', contextWindow: 128_000, maxTokens: 1_000 };
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const account = { enabled: true, botToken: `123456:${newToken()}` };
  return {
    models: { providers: { [FAILING_PROVIDER]: { baseUrl, api: 'openai-completions', models: [model] } } },
    agents: { defaults: { model: { primary: `${FAILING_PROVIDER}/m1`, fallbacks: [] } } },
    channels: { telegram: { enabled: true, accounts: { main: account } } },
  };
}

/** Stores a key as each version does: by its CLI, or in the agent's file. */
async function storeKey(home: GatewayHome): Promise<void> {
  const key = newToken();
  if (home.version === '2026.5.7') {
    const folder = join(home.stateDir, 'agents', 'main', 'agent');
    mkdirSync(folder, { recursive: true });
    const profiles = { [`${FAILING_PROVIDER}:manual`]: { type: 'api_key', provider: FAILING_PROVIDER, key } };
    writeFileSync(join(folder, 'auth-profiles.json'), JSON.stringify({ version: 1, profiles }));
    return;
  }
  const args = [home.program, 'models', 'auth', 'paste-api-key', '--provider', FAILING_PROVIDER];
  const env = { ...home.env, PATH: process.env.PATH ?? '', NO_COLOR: '1' };
  await new Promise<void>((resolve, reject) => {
    const child = execFile(process.execPath, args, { env, cwd: home.root, timeout: 120_000 }, (error) =>
      error === null ? resolve() : reject(error),
    );
    child.stdin?.end(`${key}\n`);
  });
}

async function addJob(home: GatewayHome, token: string): Promise<void> {
  const how = ['--every', '5s', '--session', 'isolated', '--message', 'hello', '--no-deliver'];
  await home.cli(token, 'cron', 'add', '--name', 'ask', ...how);
  await home.cli(token, 'cron', 'add', '--name', 'paused', '--disabled', ...how);
}

function writeJob(home: GatewayHome): void {
  const now = Date.now();
  const job = {
    id: 'ask-1',
    name: 'ask',
    enabled: true,
    createdAtMs: now,
    updatedAtMs: now,
    schedule: { kind: 'every', everyMs: 5_000, anchorMs: now },
    state: { nextRunAtMs: now },
    payload: { kind: 'agentTurn', message: 'hello' },
    sessionTarget: 'isolated',
    wakeMode: 'now',
    delivery: { mode: 'none' },
  };
  const jobs = [job, { ...job, id: 'ask-2', name: 'paused', enabled: false }];
  mkdirSync(join(home.stateDir, 'cron'), { recursive: true });
  writeFileSync(join(home.stateDir, 'cron', 'jobs.json'), JSON.stringify({ version: 1, jobs }));
}
