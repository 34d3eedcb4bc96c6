import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GoldenWorld } from '../support/golden-world.ts';

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'metrics');
/** A fault starts a gateway and an exporter of its own and waits until nothing changes any more. */
const TIMEOUT_MS = 600_000;

/** Each fault: what is done, and what shows that it has arrived. Ids are those of the fault matrix. */
const FAULTS: readonly (readonly [string, (world: GoldenWorld) => Promise<void>, RegExp])[] = [
  ['G1 gateway killed', (world) => world.kill(), /state\{state="refused"\} 1/],
  ['G2 gateway stopped by a signal', async (world) => world.hang(), /state\{state="hung"\} 1/],
  ['G3 listener closed', (world) => world.loseListener(), /openclaw_gateway_listener_up 0/],
  ['G4 another program on the port', (world) => world.letStrangerIn(), /state\{state="foreign"\} 1/],
  ['G20 a proxy with nothing behind it on the port', (world) => world.letProxyIn(), /holder="forwarder"\} 1/],
  ['T1 restarted with another token', (world) => world.changeToken(), /token_match\{.*\} 0/],
  [
    'T2 another token in the environment file',
    async (world) => appendFileSync(join(world.stateDir, '.env'), 'OPENCLAW_GATEWAY_TOKEN=another-token\n'),
    /token_variants 2/,
  ],
  ['C1 a cron run fails', async (world) => world.failJob(), /runs_total\{.*status="error"\} 1/],
  ['C7 the cron store is damaged', async (world) => world.damageStore(), /source_up\{source="sqlite"\} 0/],
  [
    'maintenance declared',
    async (world) => {
      mkdirSync(world.storagePath, { recursive: true });
      const until = new Date(Date.now() + 3_600_000).toISOString();
      writeFileSync(join(world.storagePath, 'maintenance.json'), JSON.stringify({ until }));
    },
    /openclaw_gateway_maintenance 1/,
  ],
];

/**
 * What a reviewer reads in a change of /metrics: the whole of a healthy gateway once, and each fault as its difference,
 * with the verdict and the likeliest cause that the status page names. The gateway is a stand-in (test/support/stand-in-gateway.ts). Renewed by `npx vitest run -u
 * --project integration test/integration/golden.test.ts`.
 */
describe('the exposition', () => {
  let healthy: readonly string[];
  let world: GoldenWorld;

  beforeAll(async () => {
    world = await GoldenWorld.start();
    healthy = await world.settledLines();
  }, TIMEOUT_MS);

  afterAll(() => world?.remove());

  it('of a healthy gateway is what the golden file holds', async () => {
    await expect(`${healthy.join('\n')}\n`).toMatchFileSnapshot(join(FOLDER, 'healthy.prom'));
  });

  it.concurrent.for(FAULTS)(
    'changes by %s only as the golden difference holds',
    { timeout: TIMEOUT_MS },
    async ([name, bring, sign], { expect }) => {
      const faulty = await GoldenWorld.start();
      try {
        await faulty.settledLines();
        await bring(faulty);
        const lines = await faulty.settledLines(sign);
        const gone = healthy.filter((line) => !lines.includes(line)).map((line) => `- ${line}`);
        const come = lines.filter((line) => !healthy.includes(line)).map((line) => `+ ${line}`);
        const path = join(FOLDER, `${name.toLowerCase().replaceAll(' ', '-')}.diff`);
        const verdict = `# verdict: ${await faulty.verdict()}`;
        await expect(`${[...gone, ...come, verdict].join('\n')}\n`).toMatchFileSnapshot(path);
      } finally {
        await faulty.remove();
      }
    },
  );
});
