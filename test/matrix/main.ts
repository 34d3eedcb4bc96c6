import { chaos } from './chaos.ts';
import { play } from './play.ts';
import { publish, publishChaos, publishSoak } from './report.ts';
import type { Result } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { soak } from './soak.ts';
import { World } from './world.ts';

const USAGE = `npm run matrix                  every scenario
npm run matrix -- ID...         some of them; their results replace the former ones in docs/fault-matrix.md
npm run matrix -- list          their names
npm run matrix -- chaos [STEPS] [SEED]   random faults and repairs instead, 200 of them unless told
npm run matrix -- soak [MINUTES]         short intervals for a long while, 20 minutes unless told
`;

/** Minutes; a line through fewer points says nothing. */
const SHORTEST_SOAK = 5;

const say = (text: string) => process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === 'chaos') return random(Number(args[1] ?? 200), Number(args[2] ?? Date.now() % 10_000));
  if (args[0] === 'soak') return long(Math.max(SHORTEST_SOAK, Number(args[1] ?? 20)));
  if (args[0] === 'list') {
    for (const { id, fault } of SCENARIOS) process.stdout.write(`${id}\t${fault}\n`);
    return 0;
  }
  const unknown = args.filter((id) => !SCENARIOS.some((scenario) => scenario.id === id));
  if (unknown.length > 0) {
    process.stderr.write(`no such scenario: ${unknown.join(', ')}\n${USAGE}`);
    return 2;
  }
  return matrix(args);
}

async function random(steps: number, seed: number): Promise<number> {
  const world = await startWorld();
  try {
    const result = await chaos(world, steps, seed, say);
    say(JSON.stringify(result, undefined, 2));
    if (result.broken.length === 0) publishChaos(result);
    return result.broken.length === 0 ? 0 : 1;
  } finally {
    await world.stop();
  }
}

async function long(minutes: number): Promise<number> {
  const world = await startWorld();
  try {
    const result = await soak(world, minutes, say);
    say(JSON.stringify(result, undefined, 2));
    publishSoak(result);
    return 0;
  } finally {
    await world.stop();
  }
}

/** A world that ends with this program, however it ends. */
async function startWorld(): Promise<World> {
  const world = await World.start();
  const interrupt = () => void world.stop().finally(() => process.exit(130));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  say(`the world is well; a start may take ${world.thresholds.start_overdue_after / 1000} s`);
  return world;
}

async function matrix(ids: readonly string[]): Promise<number> {
  const scenarios = SCENARIOS.filter(({ id }) => ids.length === 0 || ids.includes(id));
  const world = await startWorld();
  let failed = 0;
  try {
    for (const [index, scenario] of scenarios.entries()) {
      const result = await play(world, scenario, index, (miss) => say(`${scenario.id} MISS ${miss}`));
      say(summary(result));
      failed += result.misses.length === 0 ? 0 : 1;
      publish([result]);
    }
  } finally {
    await world.stop();
  }
  return failed === 0 ? 0 : 1;
}

function summary({ id, metric, alert, page, total, alerts, pages, misses }: Result): string {
  const time = (value: number | undefined) => value?.toFixed(1) ?? '-';
  return `${id}: ${misses.length === 0 ? 'holds' : `${misses.length} MISSES`}; metric ${time(metric)}, alert ${time(alert)}, page ${time(page)}, whole ${time(total)} s; ${alerts.join(', ')}; pages: ${pages.join(', ')}`;
}

process.exitCode = await main(process.argv.slice(2));
