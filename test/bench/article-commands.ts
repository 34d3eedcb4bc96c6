import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { COLLECTOR_DEFAULTS } from '../../src/collectors/index.ts';
import { Exporter } from '../support/exporter.ts';
import { sampleOf } from '../support/exposition.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { Sshd } from '../support/sshd.ts';
import { type Bench, type BenchRow, cpuSecondsOf, ms, quantile, times } from './bench.ts';

const run = promisify(execFile);

const VERSION = '2026.9.6';
const INTERVAL_MS = 15_000;
/** One interval of the slowest collector and the longest pause between two looks. */
const MEASURED_MS = 60_000;
/** The first rounds compile code and read everything for the first time. */
const WARM_UP_MS = 20_000;
const ROUNDS_BY_HAND = 3;
const LOGS = 10;

/** What the article has a person run, in its order; `openclaw` and `ssh` stand for the real ones. */
const ARTICLE = [
  'ls -la "$HOME"/.openclaw/workspace/*/cron-*.log | tail -20',
  'find "$HOME/.openclaw/workspace" -name "*.log" -mtime -1 | xargs grep -l "SUCCESS\\|ERROR" | head -10',
  'ps aux | grep openclaw | grep -v grep',
  'pgrep -fl "openclaw.*gateway"',
  'openclaw status | grep -i token',
  'openclaw gateway ping',
];
/**
 * What answers the article's other questions today: the gateway's health, cron's
 * history, the way to the MacBook.
 */
const TODAY = ['openclaw health', 'openclaw gateway probe', 'openclaw cron list', 'ssh_host true'];

interface ByHand {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** One look at every layer: by the article's commands, and by the exporter beside a real gateway. */
export const articleCommands: Bench = {
  name: "refresh against the article's commands",
  claim: `One refresh of all layers beside a real gateway ${VERSION}, ${LOGS} logs of jobs and an SSH host: ${INTERVAL_MS / 1000} s of the whole exporter's life (scheduler, own metrics and ssh children included) over ${MEASURED_MS / 1000} s.`,
  alternative: `processor time of a round by hand, the median of ${ROUNDS_BY_HAND}: the article's ${ARTICLE.length} commands as it prints them (\`openclaw gateway ping\` does not exist any more and costs its error message), then those that answer its other questions today (\`${TODAY.join('`, `').replace('ssh_host', 'ssh HOST')}\`)`,
  async run() {
    const token = newToken();
    const home = await GatewayHome.create(VERSION);
    const sshd = await Sshd.start();
    home.configure(token);
    writeLogs(home);
    const gateway = await home.startReady();
    try {
      const article = await byHand(home, token, sshd, ARTICLE);
      const whole = await byHand(home, token, sshd, [...ARTICLE, ...TODAY]);
      const usual = await costOfRefresh(home, sshd, {}, {});
      const every = Object.fromEntries(
        Object.keys(COLLECTOR_DEFAULTS).map((name) => [name, { interval: `${INTERVAL_MS}ms` }]),
      );
      const forced = await costOfRefresh(home, sshd, every, { command_interval: '1s' });
      return [
        row('refresh with the default settings, against the whole round', usual, whole.cpuMs),
        row(
          "refresh with the default settings, against the article's own commands alone",
          usual,
          article.cpuMs,
        ),
        row('refresh in which every collector looks and logs in over ssh', forced, whole.cpuMs),
        { what: 'the whole round by hand takes', ours: '', alternative: ms(whole.wallMs), ratio: '' },
      ];
    } finally {
      await gateway.end('SIGTERM');
      await sshd.remove();
      home.remove();
    }
  },
};

function row(what: string, oursMs: number, theirsMs: number): BenchRow {
  return { what, ours: ms(oursMs), alternative: ms(theirsMs), ratio: times(theirsMs, oursMs) };
}

function writeLogs(home: GatewayHome): void {
  const folder = join(home.stateDir, 'workspace', 'main');
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < LOGS; index += 1) {
    writeFileSync(join(folder, `cron-log${index}.log`), `${new Date().toISOString()} SUCCESS report sent\n`);
  }
}

/** Processor time (all processes that were waited for) and wall time of a round, the median of each. */
async function byHand(
  home: GatewayHome,
  token: string,
  sshd: Sshd,
  commands: readonly string[],
): Promise<ByHand> {
  const script = `openclaw() { ${quoted(process.execPath)} ${quoted(home.program)} "$@"; }
    ssh_host() { ssh -F ${quoted(sshd.configFile)} -o BatchMode=yes -p ${sshd.port} ${quoted(sshd.target)} "$@"; }
    TIMEFORMAT='%U %S %R'
    exec 3>&1
    { time { ${commands.join('; ')}; } >/dev/null 2>&1; } 2>&3; true`;
  const env = { ...home.env, PATH: process.env.PATH ?? '', OPENCLAW_GATEWAY_TOKEN: token };
  const rounds: number[][] = [];
  for (let index = 0; index < ROUNDS_BY_HAND; index += 1) {
    const { stdout } = await run('bash', ['-c', script], { env, cwd: home.root });
    rounds.push(stdout.trim().split(' ').map(Number));
  }
  const median = (pick: (round: readonly number[]) => number) => quantile(rounds.map(pick), 0.5) * 1000;
  return {
    cpuMs: median(([user = Number.NaN, system = Number.NaN]) => user + system),
    wallMs: median(([, , real = Number.NaN]) => real),
  };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Processor milliseconds of one interval, children included. */
async function costOfRefresh(
  home: GatewayHome,
  sshd: Sshd,
  collectors: Readonly<Record<string, unknown>>,
  host: Readonly<Record<string, unknown>>,
): Promise<number> {
  const hosts = [{ name: 'macbook', target: sshd.target, port: sshd.port, ...host }];
  const exporter = await Exporter.start({
    env: home.env,
    config: { ssh: { config_file: sshd.configFile, hosts }, collectors },
  });
  try {
    await exporter.untilMetrics(
      'every layer to be seen and well',
      (series) =>
        sampleOf(series, 'openclaw_gateway_up') === 1 &&
        sampleOf(series, 'openclaw_gateway_process_up') === 1 &&
        sampleOf(series, 'openclaw_gateway_token_match', { host: '' }) === 1 &&
        sampleOf(series, 'openclaw_cron_source_up', { source: 'logs' }) === 1 &&
        sampleOf(series, 'openclaw_ssh_up', { host: 'macbook' }) === 1,
      60_000,
    );
    await setTimeout(WARM_UP_MS);
    const before = cpuSecondsOf(exporter.child.pid);
    await setTimeout(MEASURED_MS);
    return ((cpuSecondsOf(exporter.child.pid) - before) * 1000 * INTERVAL_MS) / MEASURED_MS;
  } finally {
    await exporter.stop();
    exporter.remove();
  }
}
