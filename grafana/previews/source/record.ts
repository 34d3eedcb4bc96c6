import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { main as writeRules } from '../../../prometheus/source/main.ts';
import type { Child } from '../../../test/support/child.ts';
import { addCommand } from '../../../test/support/cron-jobs.ts';
import { type GeneratedPanel, generatedDashboards, substituted } from '../../../test/support/dashboards.ts';
import { Exporter } from '../../../test/support/exporter.ts';
import { matching, type Series, sampleOf } from '../../../test/support/exposition.ts';
import { GatewayHome, newToken } from '../../../test/support/openclaw.ts';
import { PrometheusProcess } from '../../../test/support/prometheus-process.ts';
import { tailscaleIn } from '../../../test/support/recorded-tailscale.ts';
import { Sshd } from '../../../test/support/sshd.ts';
import { StandInPlace } from '../../../test/support/status-world.ts';
import { until } from '../../../test/support/until.ts';
import {
  type RecordedPanel,
  type RecordedSeries,
  type Recording,
  type Recordings,
  type Repeats,
  repeated,
} from './recording.ts';

const FAULTY = 'mac-mini';
const WELL = 'office';
const HOST = 'studio';
/** The rules wait and look back this much shorter. */
const DIVISOR = 30;
/** How long each phase is recorded once it has begun to show: enough to be seen as a stretch of a curve. */
const PHASE_MS = 25_000;
const REPEATS: Repeats = { instance: [FAULTY, WELL], host: [HOST] };
const OFTEN = { interval: '2s', timeout: '2s' };
const COLLECTORS = ['process', 'ping', 'token', 'api', 'cron', 'ssh', 'clock', 'tailscale'];

/**
 * A real gateway with jobs and an SSH host, seen by a real exporter through three phases: well, gone
 * together with the host, back with another token. A second exporter stands beside a stand-in for a gateway,
 * which stays well. A real Prometheus with the bundled rules, their durations divided, answers every query
 * of every dashboard in each phase.
 */
export async function record(say: (text: string) => void): Promise<Recordings> {
  const world = await World.start();
  try {
    const from = Date.now() / 1000;
    const cause = (of: string) => `instance_cause:openclaw_incident:max{instance="${FAULTY}", cause="${of}"}`;
    const firing = (alert: string) => `ALERTS{alertname="${alert}", alertstate="firing"}`;
    say('well');
    await world.addJobs();
    await world.exporter.untilMetrics('jobs to have run, and the host to be up', isBusy, 90_000);
    await world.untilRecorded('instance_cron_job:openclaw_cron_last_run_duration_seconds:p95');
    await world.untilRecorded(`sum(instance_layer:openclaw_health:state{instance="${FAULTY}"}) == 5`);
    await world.pass();
    const well = await read(world.prometheus, from);
    say('gone');
    await world.addFailingJob();
    await world.untilRecorded(firing('OpenClawCronJobFailing'));
    await world.leave();
    await world.untilRecorded(cause('process'));
    await world.untilRecorded(firing('OpenClawGatewayDown'));
    await world.pass();
    const gone = await read(world.prometheus, from);
    say('back with another token');
    await world.comeBack();
    await world.untilRecorded(cause('authentication'));
    await world.untilRecorded(firing('OpenClawTokenMismatch'));
    await world.pass();
    return { well, gone, mismatch: await read(world.prometheus, from) };
  } finally {
    await world.end();
  }
}

class World {
  readonly exporter: Exporter;
  readonly prometheus: PrometheusProcess;
  readonly #home: GatewayHome;
  readonly #token: string;
  readonly #sshd: Sshd;
  #gateway: Child;
  readonly #end: () => Promise<void>;

  private constructor(
    parts: Pick<World, 'exporter' | 'prometheus'>,
    { home, token, sshd, gateway }: { home: GatewayHome; token: string; sshd: Sshd; gateway: Child },
    end: () => Promise<void>,
  ) {
    this.exporter = parts.exporter;
    this.prometheus = parts.prometheus;
    this.#home = home;
    this.#token = token;
    this.#sshd = sshd;
    this.#gateway = gateway;
    this.#end = end;
  }

  /** Starts everything; what was started ends again when a later part does not start. */
  static async start(): Promise<World> {
    const ends: (() => Promise<unknown> | unknown)[] = [];
    const end = async () => {
      for (const one of ends.reverse()) await one();
    };
    try {
      const folder = mkdtempSync(join(tmpdir(), 'openclaw-previews-'));
      ends.push(() => rmSync(folder, { recursive: true, force: true }));
      if (writeRules([`--out=${folder}`, `--divide-durations=${DIVISOR}`]) !== 0) throw new Error('no rules');

      const token = newToken();
      const home = await GatewayHome.create('2026.9.6');
      ends.push(() => home.remove());
      home.configure(token);
      const sshd = await Sshd.start();
      ends.push(() => sshd.remove());
      const gateway = await home.startReady();
      ends.push(() => gateway.end('SIGKILL'));

      const PATH = `${tailscaleIn(join(folder, 'bin'))}:${process.env.PATH}`;
      const exporter = await Exporter.start({ env: { ...home.env, PATH }, config: configuration(sshd) });
      ends.push(
        () => exporter.remove(),
        () => exporter.stop(),
      );

      const place = await StandInPlace.create();
      ends.push(() => place.remove());
      place.configure(newToken());
      const standIn = await place.startReady();
      ends.push(() => standIn.end('SIGKILL'));
      const other = await Exporter.start({ env: place.env, config: configuration() });
      ends.push(
        () => other.remove(),
        () => other.stop(),
      );

      const prometheus = await PrometheusProcess.start(
        JSON.stringify({
          global: { scrape_interval: '1s', scrape_timeout: '1s' },
          rule_files: [join(folder, 'rules', '*.yml')],
          scrape_configs: [{ job_name: 'openclaw', static_configs: [at(exporter, FAULTY), at(other, WELL)] }],
        }),
      );
      ends.push(() => prometheus.stop());
      return new World({ exporter, prometheus }, { home, token, sshd, gateway }, end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  async addJobs(): Promise<void> {
    const add = (name: string, schedule: readonly string[], program: string) =>
      addCommand(this.#home, this.#token, name, schedule, program);
    await add('inbox-triage', ['--cron', '*/3 * * * * *', '--exact'], '/bin/true');
    await add('calendar-sync', ['--every', '5s'], '/bin/true');
    await add('morning-briefing', ['--cron', '0 7 * * *'], '/bin/true');
  }

  async addFailingJob(): Promise<void> {
    await addCommand(this.#home, this.#token, 'backup-notes', ['--every', '4s'], '/bin/false');
  }

  async leave(): Promise<void> {
    await this.#gateway.end('SIGKILL');
    await this.#sshd.stop();
  }

  async comeBack(): Promise<void> {
    await this.#sshd.resume();
    this.#gateway = await this.#home.startReady(newToken());
  }

  async untilRecorded(expr: string): Promise<void> {
    const seen = async () => (await this.prometheus.query(expr)).length > 0;
    await until(seen, { what: expr, timeoutMs: 120_000, everyMs: 250 });
  }

  /** Until as much of a phase is recorded as a picture needs. */
  async pass(): Promise<void> {
    const end = Date.now() + PHASE_MS;
    await until(() => Date.now() >= end, { what: 'a phase', timeoutMs: 2 * PHASE_MS, everyMs: 500 });
  }

  async end(): Promise<void> {
    await this.#gateway.end('SIGKILL');
    await this.#end();
  }
}

function at(exporter: Exporter, instance: string) {
  return { targets: [`127.0.0.1:${exporter.port}`], labels: { instance } };
}

function configuration(sshd?: Sshd) {
  const host = {
    name: HOST,
    target: sshd?.target,
    port: sshd?.port,
    always_on: true,
    command_interval: '2s',
  };
  return {
    cron: { publish_delay: '1s', grace: '5s' },
    ...(sshd === undefined ? {} : { ssh: { config_file: sshd.configFile, hosts: [host] } }),
    collectors: Object.fromEntries(COLLECTORS.map((name) => [name, OFTEN])),
  };
}

function isBusy(series: readonly Series[]): boolean {
  return (
    sampleOf(series, 'openclaw_gateway_token_match') === 1 &&
    sampleOf(series, 'openclaw_gateway_function_up') === 1 &&
    sampleOf(series, 'openclaw_ssh_up') === 1 &&
    matching(series, 'openclaw_cron_runs_total', { status: 'ok' }).some(({ value }) => value >= 1)
  );
}

/** Every query of every panel, asked as Grafana asks it. */
async function read(prometheus: PrometheusProcess, from: number): Promise<Recording> {
  const to = Math.floor(Date.now() / 1000);
  const dashboards = [];
  for (const dashboard of generatedDashboards) {
    const several = dashboard.templating.list.some(
      ({ name, multi }) => name === 'instance' && multi === true,
    );
    const panels: RecordedPanel[] = [];
    for (const { panel, values } of repeated(dashboard, REPEATS)) {
      const all = {
        host: '.*',
        job: '.*',
        __rate_interval: '5s',
        instance: several ? '.*' : FAULTY,
        ...values,
      };
      panels.push(await answered(prometheus, panel, all, { from: Math.floor(from), to }));
    }
    dashboards.push({ uid: dashboard.uid, title: dashboard.title, panels });
  }
  return { from, to, dashboards };
}

async function answered(
  prometheus: PrometheusProcess,
  panel: GeneratedPanel,
  values: Readonly<Record<string, string>>,
  { from, to }: { from: number; to: number },
): Promise<RecordedPanel> {
  const answers: Record<string, RecordedPanel['answers'][string]> = {};
  for (const { refId, expr, instant } of panel.targets ?? []) {
    const query = substituted(expr, values);
    answers[refId] = instant
      ? await asked(prometheus, 'query', { query, time: `${to}` })
      : await asked(prometheus, 'query_range', { query, start: `${from}`, end: `${to}`, step: '1' });
  }
  return { panel: { ...panel, title: substituted(panel.title, values) }, answers };
}

const point = z.tuple([z.number(), z.string()]);
const answer = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: point.optional(),
        values: z.array(point).optional(),
      }),
    ),
  }),
});

/** Throws with Prometheus' own words where it refuses the query. */
async function asked(
  prometheus: PrometheusProcess,
  what: 'query' | 'query_range',
  form: Readonly<Record<string, string>>,
): Promise<RecordedSeries[]> {
  const body = new URLSearchParams(form);
  const response = await fetch(prometheus.url(`/api/v1/${what}`), { method: 'POST', body });
  if (!response.ok) throw new Error(`${form.query}: ${await response.text()}`);
  const { result } = answer.parse(await response.json()).data;
  return result.map(({ metric, value, values = [] }) => ({
    metric,
    points: value === undefined ? values : [value],
  }));
}
