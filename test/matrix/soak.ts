import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sampleOf } from '../support/exposition.ts';
import { holdings } from './holdings.ts';
import type { World } from './world.ts';

/** What the exporter still takes in at its start does not count as growth. */
const WARM_UP_SHARE = 0.25;
const LOOK_MS = 1_000;
const FAULT_EVERY_MS = 20_000;
const FAULT_LASTS_MS = 5_000;
/** Garbage makes memory a saw: its lower edge is what is held. */
const EDGE_LOOKS = 20;
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
  'heap in use': 'MiB',
  files: '',
  children: '',
  series: '',
  'state folder': 'KiB',
};

/**
 * Short intervals for a long while: a job every two seconds, a scrape every second, a fault three times a minute.
 * The exporter is never restarted.
 */
export async function soak(
  world: World,
  minutes: number,
  say: (text: string) => void = () => undefined,
): Promise<SoakResult> {
  await world.addJob('ticking', ['/bin/true'], TICK);
  const samples: Sample[] = [];
  const endMs = performance.now() + minutes * 60_000;
  let faults = 0;
  let nextFaultMs = performance.now() + FAULT_EVERY_MS;
  while (performance.now() < endMs) {
    const lookedAt = performance.now();
    samples.push(await look(world));
    if (samples.length % 60 === 0) say(JSON.stringify(samples.at(-1)));
    if (performance.now() >= nextFaultMs) {
      await breakAndRepair(world, faults);
      faults += 1;
      nextFaultMs += FAULT_EVERY_MS;
    }
    await pause(Math.max(0, lookedAt + LOOK_MS - performance.now()));
  }
  const settled = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const growth = Object.keys(UNITS).map((what) => growthOf(what, settled));
  const runs = (await world.series()).filter(
    ({ name, labels }) => name === 'openclaw_cron_runs_total' && labels.cron_job === 'ticking',
  );
  return {
    minutes,
    scrapes: samples.length,
    faults,
    runs: runs.reduce((sum, { value }) => sum + value, 0),
    growth,
  };
}

async function look(world: World): Promise<Sample> {
  const series = await world.series();
  const held = holdings(world.exporter.child.pid);
  if (held === undefined) throw new Error('the exporter is gone');
  return {
    atSeconds: performance.now() / 1000,
    'resident memory': held.megabytes,
    'heap in use': (sampleOf(series, 'nodejs_heap_size_used_bytes') ?? Number.NaN) / 1024 ** 2,
    files: held.files,
    children: held.children,
    series: series.length,
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
  const points: { x: number; y: number }[] = [];
  for (let index = 0; index + EDGE_LOOKS <= samples.length; index += EDGE_LOOKS) {
    const part = samples.slice(index, index + EDGE_LOOKS);
    points.push({
      x: (part[0]?.atSeconds ?? 0) / 3_600,
      y: Math.min(...part.map((sample) => sample[what] ?? Number.NaN)),
    });
  }
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

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
