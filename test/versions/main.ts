import { parseArgs } from 'node:util';
import { counted, rememberedRuns } from '../support/cron-history.ts';
import { addCommand } from '../support/cron-jobs.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, type Series, sampleOf, stateOf } from '../support/exposition.ts';
import { ALL_VERSIONS, GatewayHome, newToken, type Version } from '../support/openclaw.ts';
import { keepVersionResult, readVersionResults, type VersionResult } from './results.ts';

const SHORT = { interval: '1s' };
const CONFIG = {
  cron: { publish_delay: '1s' },
  collectors: {
    ...{ process: SHORT, ping: SHORT, token: { interval: '5s' }, api: { interval: '5s' }, cron: SHORT },
    ...{ clock: { enabled: false }, tailscale: { enabled: false } },
  },
};
const FUNCTION_UP = 'openclaw_gateway_function_up';
const FUNCTION = { function: 'sessions_list' };
/** An older gateway on a busy machine. */
const SHOWN_MS = 90_000;
const RUNS = 3;

const { values } = parseArgs({
  options: {
    version: { type: 'string', multiple: true, default: [...ALL_VERSIONS] },
    again: { type: 'boolean', default: false },
  },
});

for (const version of ALL_VERSIONS.filter((one) => values.version.includes(one))) {
  if (!values.again && readVersionResults().some((one) => one.version === version)) continue;
  process.stdout.write(`${version} ...\n`);
  const result = await measure(version);
  keepVersionResult(result);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function measure(version: Version): Promise<VersionResult> {
  const home = await GatewayHome.create(version);
  const token = newToken();
  home.configure(token);
  const gateway = await home.startReady();
  const exporter = await Exporter.start({ env: home.env, config: CONFIG });
  try {
    const job = await addJob(home, token);
    const well = await exporter.untilMetrics(
      'a proved credential and counted runs',
      (series) => tokenMatch(series) !== null && counted(series, job, 'ok') >= RUNS && isSettled(series),
      SHOWN_MS,
    );
    await gateway.end('SIGTERM');
    const held = rememberedRuns(home).filter(({ jobId, status }) => jobId === job && status === 'ok').length;
    const after = await exporter
      .untilMetrics('all runs', (series) => counted(series, job, 'ok') === held, 20_000)
      .catch(() => exporter.series());
    const wrong = await proveWrong(home, exporter);
    return {
      version,
      ...describeGateway(well),
      proved: {
        right: tokenMatch(well),
        wrong,
        function: sampleOf(well, FUNCTION_UP, FUNCTION) ?? null,
      },
      counted: { exporter: counted(after, job, 'ok'), gateway: held, ...describeSources(well) },
      measuredAt: new Date().toISOString(),
    };
  } finally {
    await exporter.stop('SIGKILL');
    exporter.remove();
    await gateway.end('SIGKILL');
    home.remove();
  }
}

/** Whether the gateway answers and its function was called: a busy machine may delay either. */
function isSettled(series: readonly Series[]): boolean {
  const state = stateOf(series, 'openclaw_gateway_state', 'state');
  return state === 'up' && sampleOf(series, FUNCTION_UP, FUNCTION) !== undefined;
}

/** A command where the version has such jobs, else an event; both need no model. */
async function addJob(home: GatewayHome, token: string): Promise<string> {
  try {
    return await addCommand(home, token, 'tick', ['--every', '2s'], '/bin/true');
  } catch {
    const event = ['--every', '2s', '--session', 'main', '--system-event', 'tick', '--json'];
    const printed = await home.cli(token, 'cron', 'add', '--name', 'tick', ...event);
    const id = /"id":\s*"(?<id>[^"]+)"/.exec(printed)?.groups?.id;
    if (id === undefined) throw new Error(`no job was added: ${printed.slice(0, 500)}`);
    return id;
  }
}

function tokenMatch(series: readonly Series[]): number | null {
  return sampleOf(series, 'openclaw_gateway_token_match', { credential: 'config', host: '' }) ?? null;
}

/** The verdict on the configured credential where the gateway runs with another one. */
async function proveWrong(home: GatewayHome, exporter: Exporter): Promise<number | null> {
  const gateway = await home.startReady(newToken());
  try {
    const series = await exporter.untilMetrics(
      'a verdict on the wrong credential',
      (shown) => sampleOf(shown, 'openclaw_gateway_up') === 1 && tokenMatch(shown) === 0,
      SHOWN_MS,
    );
    return tokenMatch(series);
  } catch {
    return tokenMatch(await exporter.series());
  } finally {
    await gateway.end('SIGKILL');
  }
}

function describeGateway(series: readonly Series[]): Pick<VersionResult, 'found' | 'asked'> {
  const info = matching(series, 'openclaw_gateway_info')[0]?.labels ?? {};
  const listens = matching(series, 'openclaw_gateway_listen_info').map(({ labels }) =>
    (labels.address ?? '').replace(/:\d+$/, ':PORT'),
  );
  return {
    found: {
      by: stateOf(series, 'openclaw_gateway_process_info', 'found_by') ?? 'not found',
      listens: listens.sort(),
      reports: info.version ?? '',
    },
    asked: {
      protocol: info.protocol ?? '',
      state: stateOf(series, 'openclaw_gateway_state', 'state') ?? '',
      isReady: sampleOf(series, 'openclaw_gateway_ready') === 1,
    },
  };
}

function describeSources(series: readonly Series[]): { sources: string[]; problems: string[] } {
  const all = matching(series, 'openclaw_cron_source_up');
  const names = (value: number) =>
    all.flatMap((one) => (one.value === value ? [one.labels.source ?? ''] : [])).sort();
  return { sources: names(1), problems: names(0) };
}
