import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AuthBudget, budgetKey, MAX_FAILURES } from '../../../../src/auth/budget.ts';
import { writePairedDevice } from '../../../support/cron-api-gateway.ts';
import { ApiWorld, ASKED_EVERY_MS, setPaired } from '../../../support/cron-api-world.ts';
import { CronHarness } from '../../../support/cron-harness.ts';
import { until } from '../../../support/until.ts';

/** How long a refused device is not shown again. */
const HELD_BACK_MS = 10 * 60_000;
/** The collector's own limit for one look. */
const LOOK_MS = 10_000;

async function makeWorld(): Promise<ApiWorld> {
  const world = await ApiWorld.create('files');
  onTestFinished(() => world.close());
  world.putJob('a');
  return world;
}

/** Looks often enough for several questions; gives the last look. */
async function lookForLong(world: ApiWorld) {
  for (let minute = 0; minute < 2 * MAX_FAILURES; minute += 1) await world.askingLook();
  return world.askingLook();
}

/** Uses up the limit of failed attempts; gives what each attempt met. */
function spendAll({ gateway, storagePath }: ApiWorld): string[] {
  const budget = new AuthBudget({ folder: storagePath });
  const key = budgetKey({ host: '127.0.0.1', port: gateway.port, local: true });
  return Array.from({ length: MAX_FAILURES }, () => budget.charge(key).state);
}

function expectNothingCharged(world: ApiWorld): void {
  expect(spendAll(world)).toEqual(Array(MAX_FAILURES).fill('charged'));
}

describe('the question to the gateway about its cron jobs', () => {
  it.each<[string, RegExp, (world: ApiWorld) => void]>([
    [
      'no token is known to be valid',
      /no token is known to be valid/,
      ({ board }) => {
        board.publish('provedCredential', undefined);
      },
    ],
    [
      'somebody met a refusal of the token',
      /no token is known to be valid/,
      ({ gate }) => {
        gate.doubt();
      },
    ],
    [
      'the gateway is another process than the one that accepted the token',
      /a new process whose token is not checked yet/,
      ({ board }) => {
        const proved = board.read('provedCredential');
        board.publish('provedCredential', proved && { ...proved, identity: 'boot 7 1' });
        board.publish('process', { identity: 'boot 8 2', startedMonotonicMs: 0 });
      },
    ],
    [
      'the limit of failed attempts is reached',
      /the limit of 3 failed attempts in 5 minutes is reached/,
      (world) => void spendAll(world),
    ],
    [
      'the gateway has locked this address out',
      /the gateway refuses every attempt from this address/,
      ({ gate }) => {
        gate.startLockOut(3_600_000);
      },
    ],
    [
      'the gateway compares no token',
      /would pair what it does not know/,
      ({ stateDir }) => {
        writeFileSync(join(stateDir, 'openclaw.json'), '{ gateway: { auth: { mode: "none" } } }');
      },
    ],
    [
      'the CLI has no paired device',
      /has no device that is paired with this gateway/,
      ({ stateDir }) => setPaired(stateDir, false),
    ],
  ])('is not put while %s, and the source is down with that reason', async (_, reason, arrange) => {
    const world = await makeWorld();
    arrange(world);
    const look = await lookForLong(world);
    expect(look.source('api')).toBe(0);
    expect(look.source('jsonl')).toBe(1);
    expect(look.evidence).toMatch(reason);
    expect(world.gateway.connections).toBe(0);
  });

  it('is put by the device alone where no token is configured, once the port is known to be this gateway', async () => {
    const world = await makeWorld();
    const { stateDir, board, gateway } = world;
    writeFileSync(join(stateDir, 'openclaw.json'), '{ gateway: { auth: { mode: "token" } } }');
    board.publish('provedCredential', undefined);
    const look = await lookForLong(world);
    expect(look.source('api')).toBe(0);
    expect(look.evidence).toMatch(/no token is known to be valid/);
    expect(gateway.connections).toBe(0);
    board.publish('holder', { kind: 'gateway' });
    expect((await lookForLong(world)).source('api')).toBe(1);
  });

  it('is not put to a gateway elsewhere, whose devices are not in this state folder', async () => {
    const world = await makeWorld();
    const config = 'gateway: { url: "ws://192.0.2.1:18789" }\ncron: { api: true }';
    const { stateDir, board } = world;
    const harness = new CronHarness({ stateDir, storagePath: join(world.root, 'other'), board, config });
    onTestFinished(() => harness.kill());
    const look = await harness.see();
    expect(look.source('api')).toBe(0);
    expect(look.evidence).toMatch(/only a gateway on this machine/);
  });

  it('has no series at all where nobody configured it', async () => {
    const world = await makeWorld();
    const { stateDir, board } = world;
    const config = `gateway: { url: '${world.gateway.url}' }`;
    const harness = new CronHarness({ stateDir, storagePath: join(world.root, 'other'), board, config });
    onTestFinished(() => harness.kill());
    const look = await harness.see();
    expect(look.source('api')).toBeUndefined();
    expect(look.value('openclaw_cron_sources_disagree')).toBeUndefined();
    expect(world.gateway.connections).toBe(0);
  });

  it('is put as soon as the token is proved and a device is paired, without waiting for the next minute', async () => {
    const world = await makeWorld();
    const proved = world.board.read('provedCredential');
    world.board.publish('provedCredential', undefined);
    setPaired(world.stateDir, false);
    expect((await world.harness.see()).source('api')).toBe(0);
    world.board.publish('provedCredential', proved);
    expect((await world.harness.see()).source('api')).toBe(0);
    setPaired(world.stateDir, true);
    expect((await world.harness.see()).source('api')).toBe(1);
    expect(world.gateway.connections).toBe(1);
  });

  it('is put once a minute on one connection, however often the collector looks, and uses up no attempts', async () => {
    const world = await makeWorld();
    const minutes = 2 * MAX_FAILURES;
    for (let minute = 1; minute <= minutes; minute += 1) {
      for (let look = 0; look < 4; look += 1) expect((await world.harness.see()).source('api')).toBe(1);
      expect(world.gateway.connections).toBe(minute);
      await world.clock.advance(ASKED_EVERY_MS);
    }
    expectNothingCharged(world);
  });

  it('fails without using up attempts while nothing listens, and is answered when the gateway is back', async () => {
    const world = await makeWorld();
    await world.gateway.close();
    const look = await lookForLong(world);
    expect(look.source('api')).toBe(0);
    expect(look.evidence).toMatch(/source api: unreadable: the gateway refuses connections/);
    await world.gateway.listen();
    expect((await world.askingLook()).source('api')).toBe(1);
  });

  it('fails without using up attempts while the gateway hangs before its challenge', async () => {
    const world = await makeWorld();
    world.gateway.manner = 'opens with nothing';
    for (let turn = 1; turn <= MAX_FAILURES + 1; turn += 1) expect(await hungLook(world, turn)).toBe(0);
    world.gateway.manner = 'answers';
    expect((await world.askingLook()).source('api')).toBe(1);
  });

  it('stops at the limit where the gateway takes the token of the device and says nothing', async () => {
    const world = await makeWorld();
    world.gateway.manner = 'takes the token and is silent';
    for (let turn = 1; turn <= MAX_FAILURES; turn += 1) expect(await hungLook(world, turn)).toBe(0);
    const look = await world.askingLook();
    expect(look.evidence).toMatch(/the limit of 3 failed attempts/);
    expect(world.gateway.asked('connect')).toBe(MAX_FAILURES);
  });

  it('shows a refused device once in ten minutes, and says what the gateway said', async () => {
    const world = await makeWorld();
    world.gateway.manner = 'refuses';
    for (let elapsedMs = 0; elapsedMs < HELD_BACK_MS - ASKED_EVERY_MS; elapsedMs += ASKED_EVERY_MS) {
      const look = await world.askingLook();
      expect(look.source('api')).toBe(0);
      expect(look.evidence).toMatch(/the gateway refuses the CLI's device \(AUTH_DEVICE_TOKEN_MISMATCH\)/);
      expect(look.evidence).not.toContain('secret text');
    }
    expect(world.gateway.asked('connect')).toBe(1);
    await world.clock.advance(2 * ASKED_EVERY_MS);
    await world.harness.see();
    expect(world.gateway.asked('connect')).toBe(2);
  });

  it('shows another device at once after a refusal', async () => {
    const world = await makeWorld();
    world.gateway.manner = 'refuses';
    await world.askingLook();
    world.gateway.manner = 'answers';
    writePairedDevice(world.stateDir);
    expect((await world.askingLook()).source('api')).toBe(1);
  });

  it('goes on with the device of before while the place that holds it cannot be read', async () => {
    const world = await ApiWorld.create('sqlite');
    onTestFinished(() => world.close());
    world.putJob('a');
    expect((await world.askingLook()).source('api')).toBe(1);
    world.setReadable(false);
    const look = await world.askingLook();
    expect(look.source('sqlite')).toBe(0);
    expect(look.source('api')).toBe(1);
    expect(look.value('openclaw_cron_job_enabled', { cron_job_id: 'a' })).toBe(1);
  });

  /** A look at a gateway that never answers: `openclaw_cron_source_up` of the API. */
  async function hungLook(world: ApiWorld, connections: number): Promise<number | undefined> {
    await world.clock.advance(ASKED_EVERY_MS);
    const looking = world.harness.see();
    const { gateway } = world;
    await until(() => gateway.connections === connections, { what: 'a connection' });
    if (gateway.manner !== 'opens with nothing') {
      await until(() => gateway.asked('connect') === connections, { what: 'the token of the device' });
    }
    await world.clock.advance(LOOK_MS);
    return (await looking).source('api');
  }
});
