import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Exporter } from '../../support/exporter.ts';
import { type Series, sampleOf, totalOf } from '../../support/exposition.ts';
import { describePlay, PHASES, type Phase } from '../../support/hostile-answers.ts';
import { askHostile } from '../../support/hostile-cases.ts';
import { HostileGateway } from '../../support/hostile-gateway.ts';
import { Random } from '../../support/random.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

/** Where the seeds of the cases come from; a failure names its case's own. */
const SEED = Number(process.env.HOSTILE_SEED ?? 1);
const CASES = Number(process.env.HOSTILE_CASES ?? 30);
const ANSWER_MS = 150;
const TOKEN = 'a-token-that-only-a-gateway-may-see';
/** Of an exporter that runs from source: some twice of what it holds at rest. */
const MAX_RESIDENT_BYTES = 400 * 1024 * 1024;
/** Connections of looks that are under way. */
const FILES_OF_LOOKS = 10;

let gateway: HostileGateway;
beforeAll(async () => {
  gateway = await HostileGateway.start();
  return () => gateway.stop();
});

describe(`a host that never behaves (HOSTILE_SEED=${SEED})`, () => {
  it.each(PHASES)('is never believed: %s', async (phase) => {
    const random = new Random(SEED);
    for (let count = 0; count < CASES; count += 1) {
      const seed = random.below(2 ** 31);
      await gateway.play(phase, seed);
      const believed = await askHostile(phase, gateway.port, ANSWER_MS);
      expect(believed, `${phase} ${seed}: ${describePlay(phase, seed)}`).toEqual([]);
    }
  });

  it('ends no exporter that watches it, and never becomes a gateway that is up', async () => {
    const home = tempFolder();
    const auth = { mode: 'token', token: TOKEN };
    writeFileSync(join(home, 'openclaw.json'), JSON.stringify({ gateway: { port: gateway.port, auth } }));
    const quick = { interval: '1s', timeout: '1s' };
    const exporter = await Exporter.start({
      env: { HOME: home },
      config: {
        gateway: { state_dir: home },
        ssh: { hosts: [{ name: 'hostile', target: '127.0.0.1', port: gateway.port }] },
        collectors: { ping: quick, token: quick, api: quick, ssh: quick, clock: { enabled: false } },
      },
    });
    onTestFinished(async () => {
      await exporter.stop();
      exporter.remove();
    });
    const random = new Random(SEED);
    const before = await openFilesOf(exporter);
    for (const phase of PHASES) await watched(exporter, phase, random.below(2 ** 31));
    await until(async () => (await openFilesOf(exporter)) <= before + FILES_OF_LOOKS, {
      what: `no more than ${before + FILES_OF_LOOKS} open files`,
    });
    expect(sampleOf(await exporter.series(), 'process_resident_memory_bytes')).toBeLessThan(
      MAX_RESIDENT_BYTES,
    );
  });
});

/**
 * Plays one seed for as long as the exporter needs to look twice; it goes on
 * serving, and believes nothing of it.
 */
async function watched(exporter: Exporter, phase: Phase, seed: number): Promise<void> {
  const what = `${phase} ${seed}: ${describePlay(phase, seed)}`;
  await gateway.play(phase, seed);
  const before = await runsOf(exporter);
  const series = await exporter.untilMetrics(`two looks at ${what}`, (now) => runs(now) >= before + 2);
  const believed = series.filter(({ name, value }) => MUST_NOT_BE_1[phase].includes(name) && value === 1);
  expect(believed, what).toEqual([]);
  expect((await fetch(exporter.url('/'))).ok).toBe(true);
  expect(exporter.child.output).not.toContain(TOKEN);
}

const NEVER = ['openclaw_gateway_token_match', 'openclaw_gateway_function_up', 'openclaw_ssh_up'];
/** Beyond HTTP the host does as a gateway does up to its misdeed. */
const MUST_NOT_BE_1: Readonly<Record<Phase, readonly string[]>> = {
  http: [...NEVER, 'openclaw_gateway_up', 'openclaw_gateway_ready'],
  banner: [...NEVER, 'openclaw_gateway_up', 'openclaw_gateway_ready'],
  opening: NEVER,
  credential: NEVER,
  question: NEVER.slice(1),
};

function runs(series: readonly Series[]): number {
  return totalOf(series, 'openclaw_exporter_collector_runs_total', { collector: 'ping' });
}

async function openFilesOf(exporter: Exporter): Promise<number> {
  return sampleOf(await exporter.series(), 'process_open_fds') ?? Number.NaN;
}

async function runsOf(exporter: Exporter): Promise<number> {
  return runs(await exporter.series());
}
