import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Exporter } from '../support/exporter.ts';
import { totalOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { Heap } from './heap.ts';
import { holdings } from './holdings.ts';
import type { World } from './world.ts';

/** What the exporter still takes in at its start does not count as growth. */
const WARM_UP_SHARE = 0.5;
const LOOK_MS = 1_000;
const FAULT_EVERY_MS = 20_000;
const FAULT_LASTS_MS = 5_000;
/** Garbage would make memory a saw: it is collected before each sample of what is held. */
const SAMPLE_EVERY_MS = 20_000;
const TICK = ['--cron', '*/2 * * * * *', '--exact'] as const;

/** What was held, and by how much that grew. */
export interface Growth {
  readonly what: string;
  readonly unit: string;
  readonly atStart: number;
  readonly atEnd: number;
  /** Slope of the line of least squares after the warm-up, and its standard error. */
  readonly perHour: number;
  readonly error: number;
}

export interface SoakResult {
  readonly minutes: number;
  readonly scrapes: number;
  readonly faults: number;
  readonly runs: number;
  readonly growth: readonly Growth[];
}

type Sample = Readonly<Record<string, number>>;

const UNITS: Readonly<Record<string, string>> = {
  'resident memory': 'MiB',
  'heap after a collection': 'MiB',
  files: '',
  children: '',
  series: '',
  'state folder': 'KiB',
};

/**
 * Short intervals for a long while: a job every two seconds, a scrape every second, a fault three times a
 * minute. The exporter is never restarted.
 */
export async function soak(
  world: World,
  minutes: number,
  say: (text: string) => void = () => undefined,
): Promise<SoakResult> {
  await world.addJob('ticking', ['/bin/true'], TICK);
  const heap = await inspected(world);
  const samples: Sample[] = [];
  const endMs = performance.now() + minutes * 60_000;
  const faults = new Every(FAULT_EVERY_MS);
  const looks = new Every(SAMPLE_EVERY_MS);
  let scrapes = 0;
  while (performance.now() < endMs) {
    const lookedAt = performance.now();
    await world.series();
    scrapes += 1;
    if (looks.isDue()) {
      samples.push(await look(world, heap));
      say(JSON.stringify(samples.at(-1)));
    }
    if (faults.isDue()) await breakAndRepair(world, faults.times);
    await pause(Math.max(0, lookedAt + LOOK_MS - performance.now()));
  }
  heap.close();
  const settled = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const growth = Object.keys(UNITS).map((what) => growthOf(what, settled));
  return {
    minutes,
    scrapes,
    faults: faults.times,
    runs: totalOf(await world.series(), 'openclaw_cron_runs_total', { cron_job: 'ticking' }),
    growth,
  };
}

/** The world's exporter, started anew so that one can look into its heap. */
async function inspected(world: World): Promise<Heap> {
  const { port, storagePath } = world.exporter;
  const inspectPort = await freePort();
  await world.exporter.stop();
  world.exporter = await Exporter.start({
    env: { ...world.home.env, NODE_OPTIONS: `--inspect=127.0.0.1:${inspectPort}` },
    config: world.config,
    port,
    storagePath,
  });
  return Heap.of(inspectPort);
}

class Every {
  readonly #ms: number;
  #nextMs: number;
  times = 0;

  constructor(ms: number) {
    this.#ms = ms;
    this.#nextMs = performance.now() + ms;
  }

  isDue(): boolean {
    if (performance.now() < this.#nextMs) return false;
    this.#nextMs += this.#ms;
    this.times += 1;
    return true;
  }
}

async function look(world: World, heap: Heap): Promise<Sample> {
  const heapBytes = await heap.held();
  const held = holdings(world.exporter.child.pid);
  if (held === undefined) throw new Error('the exporter is gone');
  return {
    atSeconds: performance.now() / 1000,
    'resident memory': held.megabytes,
    'heap after a collection': heapBytes / 1024 ** 2,
    files: held.files,
    children: held.children,
    series: (await world.series()).length,
    'state folder': sizeOf(world.exporter.storagePath) / 1024,
  };
}

async function breakAndRepair(world: World, number: number): Promise<void> {
  if (number % 3 === 0) {
    world.gateway.signal('SIGSTOP');
    await pause(FAULT_LASTS_MS);
    world.gateway.signal('SIGCONT');
  } else if (number % 3 === 1) {
    await world.sshd.stop();
    await pause(FAULT_LASTS_MS);
    await world.sshd.resume();
  } else {
    world.exporter.reconfigure('gateway: [nonsense\n');
    await pause(FAULT_LASTS_MS);
    world.exporter.reconfigure(world.config);
  }
}

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder)) {
    // A file may be replaced between the list and the look.
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function growthOf(what: string, samples: readonly Sample[]): Growth {
  const points = samples.map((sample) => ({
    x: (sample.atSeconds ?? Number.NaN) / 3_600,
    y: sample[what] ?? Number.NaN,
  }));
  const { slope, error } = leastSquares(points);
  return {
    what,
    unit: UNITS[what] ?? '',
    atStart: points[0]?.y ?? Number.NaN,
    atEnd: points.at(-1)?.y ?? Number.NaN,
    perHour: slope,
    error,
  };
}

/** The line through points with the least squares: its slope and the slope's standard error. */
function leastSquares(points: readonly { readonly x: number; readonly y: number }[]): {
  slope: number;
  error: number;
} {
  const mean = (of: 'x' | 'y') => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [meanX, meanY] = [mean('x'), mean('y')];
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const rest = points.reduce((sum, { x, y }) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (points.length - 2) / spread) };
}
