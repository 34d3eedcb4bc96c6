import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from '../support/child.ts';
import { type RememberedRun, rememberedRuns } from '../support/cron-history.ts';
import { parseExposition, type Series } from '../support/exposition.ts';
import { newToken, refusedAttempts } from '../support/openclaw.ts';
import { Random } from '../support/random.ts';
import { until } from '../support/until.ts';
import { holdings } from './holdings.ts';
import { countOf } from './picture.ts';
import type { World } from './world.ts';

const WINDOW_MS = 5 * 60_000;
const MOST_FAILURES = 3;
/** A refusal is noted at the next look, which may be that much later. */
const LOOK_MS = 400;
const NOTING_MS = 5_000;
const SCRAPE_LIMIT_MS = 10_000;
/** Far above what a healthy exporter of this size holds, far below what a leak would. */
const MOST = { megabytes: 250, files: 250, children: 20 } as const;
const MORE_RUNS = 3;
const TICK = ['--cron', '*/2 * * * * *', '--exact'] as const;
/** Totals that outlive the exporter. */
const PERSISTED = /^openclaw_(?:cron_\w+_total|gateway_process_restarts_total)$/;

export interface ChaosResult {
  readonly seed: number;
  readonly steps: number;
  readonly scrapes: number;
  readonly slowestScrapeMs: number;
  readonly exporterKills: number;
  readonly gatewayStarts: number;
  readonly refusals: number;
  readonly runs: number;
  readonly peak: { readonly megabytes: number; readonly files: number; readonly children: number };
  /** What broke an invariant; empty when all held. */
  readonly broken: readonly string[];
}

/**
 * A random sequence of faults and repairs in a running world, the exporter killed now and then, with
 * invariants looked after all the while. The world's gateway is stopped at the end.
 */
export async function chaos(
  world: World,
  steps: number,
  seed: number,
  say: (text: string) => void = () => undefined,
): Promise<ChaosResult> {
  const random = new Random(seed);
  const story = new Story(world);
  const watch = new Watch(world, story);
  await world.addJob('ticking', ['/bin/true'], TICK);
  const watching = watch.run();
  for (let step = 0; step < steps; step += 1) {
    const possible = story.actions();
    const [name, act] = possible[random.below(possible.length)] ?? ['nothing', async () => undefined];
    say(`${step} ${name}`);
    await act();
    await pause(100 + random.below(1_100));
  }
  await story.repairAll();
  await world.untilWell();
  await watch.untilCounting();
  await world.gateway.end('SIGTERM');
  await watch.agreesWith(rememberedRuns(world.home));
  watch.end();
  await watching;
  return { seed, steps, ...watch.result(), ...story.counts };
}

type Action = readonly [name: string, act: () => Promise<void>];

/** The world's present faults, and what can happen next. */
class Story {
  /** Every gateway process so far: each refusal stands in the log of one. */
  readonly gateways: Child[];
  readonly counts = { exporterKills: 0, gatewayStarts: 0 };
  /** Whether somebody is to answer scrapes at this moment. */
  serving = true;
  readonly #world: World;
  #gateway: 'up' | 'stopped' | 'dead' = 'up';
  #sshd: 'up' | 'stopped' | 'frozen' = 'up';
  #key: 'accepted' | 'refused' = 'accepted';
  #config: 'good' | 'bad' = 'good';
  #tokenFile: 'own' | 'other' = 'own';

  constructor(world: World) {
    this.#world = world;
    this.gateways = [world.gateway];
  }

  actions(): Action[] {
    return [...this.#ofGateway(), ...this.#ofHosts(), ...this.#ofConfiguration(), ...this.#ofExporter()];
  }

  async repairAll(): Promise<void> {
    const world = this.#world;
    if (this.#sshd !== 'up') await this.#resumeSshd();
    world.sshd.acceptKey();
    world.configureGateway(world.token);
    world.exporter.reconfigure(world.config);
    world.gateway.signal('SIGCONT');
    await world.gateway.end('SIGTERM');
    await world.startGateway();
    this.gateways.push(world.gateway);
  }

  #ofGateway(): Action[] {
    const world = this.#world;
    if (this.#gateway === 'dead') {
      return [
        [
          'gateway started',
          async () => {
            this.#start();
          },
        ],
        ['gateway started and ready', async () => world.home.untilReady(this.#start())],
        [
          'gateway started with another token',
          async () => {
            this.#start(newToken());
          },
        ],
      ];
    }
    const kill: Action = [
      'gateway killed',
      async () => {
        await world.killGateway();
        this.#gateway = 'dead';
      },
    ];
    const other = this.#gateway === 'up' ? ('stopped' as const) : ('up' as const);
    const signal: Action = [
      other === 'stopped' ? 'gateway SIGSTOP' : 'gateway SIGCONT',
      async () => {
        world.gateway.signal(other === 'stopped' ? 'SIGSTOP' : 'SIGCONT');
        this.#gateway = other;
      },
    ];
    return this.#gateway === 'up' ? [kill, signal] : [signal, signal, kill];
  }

  #ofHosts(): Action[] {
    const { sshd } = this.#world;
    const key: Action = [
      `key ${this.#key === 'accepted' ? 'refused' : 'accepted'}`,
      async () => {
        this.#key = this.#key === 'accepted' ? 'refused' : 'accepted';
        if (this.#key === 'accepted') sshd.acceptKey();
        else sshd.refuseKey();
      },
    ];
    if (this.#sshd !== 'up') return [key, ['sshd back', () => this.#resumeSshd()]];
    return [
      key,
      ['sshd stopped', async () => this.#stopSshd()],
      [
        'sshd SIGSTOP',
        async () => {
          sshd.freeze();
          this.#sshd = 'frozen';
        },
      ],
    ];
  }

  #ofConfiguration(): Action[] {
    const world = this.#world;
    return [
      [
        `configuration ${this.#config === 'good' ? 'broken' : 'repaired'}`,
        async () => {
          this.#config = this.#config === 'good' ? 'bad' : 'good';
          world.exporter.reconfigure(this.#config === 'good' ? world.config : 'gateway: [nonsense\n');
        },
      ],
      [
        `openclaw.json holds ${this.#tokenFile === 'own' ? 'another' : 'its own'} token`,
        async () => {
          this.#tokenFile = this.#tokenFile === 'own' ? 'other' : 'own';
          world.configureGateway(this.#tokenFile === 'own' ? world.token : newToken());
        },
      ],
    ];
  }

  #ofExporter(): Action[] {
    return (['SIGKILL', 'SIGTERM'] as const).map((signal) => [
      `exporter ${signal}`,
      async () => {
        this.serving = false;
        await this.#world.exporter.child.end(signal);
        await this.#world.startExporter();
        this.#config = 'good';
        this.serving = true;
        this.counts.exporterKills += 1;
      },
    ]);
  }

  #start(token?: string): Child {
    const gateway = this.#world.home.start(token);
    this.#world.gateway = gateway;
    this.gateways.push(gateway);
    this.counts.gatewayStarts += 1;
    this.#gateway = 'up';
    return gateway;
  }

  async #stopSshd(): Promise<void> {
    await this.#world.sshd.stop();
    this.#sshd = 'stopped';
  }

  async #resumeSshd(): Promise<void> {
    if (this.#sshd === 'frozen') this.#world.sshd.thaw();
    else await this.#world.sshd.resume();
    this.#sshd = 'up';
  }
}

/** Looks after the invariants. */
class Watch {
  readonly #world: World;
  readonly #story: Story;
  readonly #broken = new Set<string>();
  readonly #totals = new Map<string, number>();
  /** When refusals were noted, milliseconds. */
  readonly #refusals: number[] = [];
  readonly #peak = { megabytes: 0, files: 0, children: 0 };
  #scrapes = 0;
  #slowestScrapeMs = 0;
  #runs = 0;
  #ended = false;

  constructor(world: World, story: Story) {
    this.#world = world;
    this.#story = story;
  }

  async run(): Promise<void> {
    while (!this.#ended) {
      await this.#scrape();
      this.#countRefusals();
      this.#measure();
      await pause(LOOK_MS);
    }
  }

  end(): void {
    this.#ended = true;
  }

  result() {
    return {
      scrapes: this.#scrapes,
      slowestScrapeMs: Math.round(this.#slowestScrapeMs),
      refusals: this.#refusals.length,
      runs: this.#runs,
      peak: this.#peak,
      broken: [...this.#broken],
    };
  }

  /** Waits until some more runs were counted: a story may have left the gateway little time to run any. */
  async untilCounting(): Promise<void> {
    const counted = async () => countOf(await this.#world.series(), 'openclaw_cron_runs_total');
    const before = await counted();
    await until(async () => (await counted()) >= before + MORE_RUNS, {
      what: 'further runs to be counted',
      timeoutMs: 15_000,
      everyMs: 250,
    });
  }

  /** Waits until the counts of finished runs are the gateway's own history, job by job. */
  async agreesWith(history: readonly RememberedRun[]): Promise<void> {
    this.#runs = history.length;
    const wanted = tally(history.map(({ jobId, status }) => `${jobId} ${status}`));
    let counted: Record<string, number> = {};
    try {
      await until(
        async () => {
          counted = runsOf(await this.#world.series());
          return JSON.stringify(sorted(counted)) === JSON.stringify(sorted(wanted));
        },
        { what: 'totals to equal the history', timeoutMs: 10_000, everyMs: 250 },
      );
    } catch {
      this.#broken.add(
        `runs counted ${JSON.stringify(sorted(counted))}, in the history ${JSON.stringify(sorted(wanted))}`,
      );
    }
  }

  async #scrape(): Promise<void> {
    const { exporter } = this.#world;
    if (!this.#story.serving) return;
    const startedAt = performance.now();
    try {
      const answer = await fetch(exporter.url('/metrics'), { signal: AbortSignal.timeout(SCRAPE_LIMIT_MS) });
      this.#judge(await answer.text());
      this.#scrapes += 1;
      this.#slowestScrapeMs = Math.max(this.#slowestScrapeMs, performance.now() - startedAt);
    } catch (error) {
      // It may just have been killed.
      if (this.#story.serving && exporter === this.#world.exporter)
        this.#broken.add(`a scrape failed: ${String(error)}`);
    }
  }

  #judge(text: string): void {
    if (text.includes(this.#world.token)) this.#broken.add('the token stands in /metrics');
    for (const { name, labels, value } of parseExposition(text)) {
      if (!PERSISTED.test(name)) continue;
      const key = `${name}${JSON.stringify(labels)}`;
      const before = this.#totals.get(key) ?? 0;
      if (value < before) this.#broken.add(`${key} fell from ${before} to ${value}`);
      this.#totals.set(key, value);
    }
  }

  #countRefusals(): void {
    const total = this.#story.gateways.reduce((sum, gateway) => sum + refusedAttempts(gateway), 0);
    const nowMs = performance.now();
    while (this.#refusals.length < total) this.#refusals.push(nowMs);
    const recent = this.#refusals.filter((atMs) => nowMs - atMs < WINDOW_MS - NOTING_MS).length;
    if (recent > MOST_FAILURES) this.#broken.add(`${recent} failed attempts within five minutes`);
  }

  #measure(): void {
    const { child } = this.#world.exporter;
    if (!this.#story.serving || child.ended !== undefined) return;
    const held = holdings(child.pid);
    if (held === undefined) return;
    for (const what of ['megabytes', 'files', 'children'] as const) {
      this.#peak[what] = Math.max(this.#peak[what], held[what]);
      if (held[what] > MOST[what]) this.#broken.add(`the exporter holds more than ${MOST[what]} ${what}`);
    }
  }
}

function runsOf(series: readonly Series[]): Record<string, number> {
  const runs = series.filter(({ name, value }) => name === 'openclaw_cron_runs_total' && value > 0);
  return Object.fromEntries(
    runs.map(({ labels, value }) => [`${labels.cron_job_id} ${labels.status}`, value]),
  );
}

function tally(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

function sorted(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).toSorted(([one], [other]) => one.localeCompare(other));
}
