import { describe, expect, it } from 'vitest';
import { findGateway, type Search } from '../../../../src/collectors/process/find.ts';
import type { Answer, PortListener, Processes, ProcessRow } from '../../../../src/os/processes.ts';

const PORT = 18_789;
const STATE_DIR = '/home/u/.openclaw';
const NOW = Date.UTC(2026, 10, 23);
const OWN_PID = 99;
const signal = new AbortController().signal;

interface Fake extends Partial<ProcessRow> {
  readonly pid: number;
  readonly uid?: number;
  /** Undefined: another user's, whose files and environment are closed to us. */
  readonly ports?: readonly number[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Paths of open files. */
  readonly open?: readonly string[];
}

interface Machine {
  readonly listener?: PortListener;
  readonly othersHidden?: boolean;
}

/** A machine made of a few processes, so that rights and namespaces can be what no test machine offers. */
function machine(fakes: readonly Fake[], { listener, othersHidden = false }: Machine = {}): Processes {
  const rowOf = ({ pid, ppid = 1, start = String(pid), state = 'sleeping', ...rest }: Fake): ProcessRow => ({
    pid,
    ppid,
    start,
    state,
    startedAtMs: rest.startedAtMs ?? NOW - 3_600_000,
    comm: rest.comm ?? 'node',
    argv: rest.argv ?? [],
  });
  const find = (pid: number) => fakes.find((fake) => fake.pid === pid);
  return {
    bootId: async () => 'boot',
    table: async () => fakes.map(rowOf),
    row: async (pid) => {
      const fake = find(pid);
      return fake && rowOf(fake);
    },
    descendants: async () => [],
    userOf: async (pid) => find(pid)?.uid ?? 1000,
    listener: async () => {
      const owner = fakes.find(({ ports }) => ports?.includes(PORT));
      return listener ?? (owner ? { state: 'process', pid: owner.pid } : { state: 'nobody' });
    },
    listens: async (pid): Promise<Answer> => {
      const ports = find(pid)?.ports;
      return ports === undefined ? 'unknown' : ports.includes(PORT) ? 'yes' : 'no';
    },
    ports: async (pid) => {
      const ports = find(pid)?.ports;
      return ports && new Set(ports);
    },
    environment: async (pid) => {
      const environment = find(pid)?.environment;
      return environment && new Map(Object.entries(environment));
    },
    sockets: async (pid) => find(pid)?.ports?.map((port) => ({ host: '127.0.0.1', port })),
    openFiles: async (pid, fits) => {
      const fake = find(pid);
      return fake?.ports && (fake.open ?? []).filter(fits);
    },
    unitOf: async () => undefined,
    ageMs: async () => 0,
    figures: async () => {
      throw new Error('not asked for');
    },
    othersHidden: async () => othersHidden,
  };
}

function find(processes: Processes, more: Partial<Search> = {}) {
  const search: Search = {
    address: { host: '127.0.0.1', port: PORT },
    stateDirs: [STATE_DIR],
    ownerUid: 1000,
    ownUid: 1000,
    ownPid: OWN_PID,
    nowMs: NOW,
    bootId: 'boot',
    locks: [],
    lastSeen: undefined,
    servicePid: undefined,
    ...more,
  };
  return findGateway(processes, search, signal);
}

const ours = { HOME: '/home/u' };
const titled = (pid: number, more: Partial<Fake> = {}): Fake => ({
  pid,
  argv: ['openclaw-gateway'],
  ports: [],
  environment: ours,
  ...more,
});
const bare = (pid: number, more: Partial<Fake> = {}): Fake => titled(pid, { argv: ['openclaw'], ...more });

describe('a gateway that cannot be seen', () => {
  it('is unclear where processes of other users are hidden', async () => {
    const found = await find(machine([], { othersHidden: true }), { ownUid: 1001 });
    expect(found).toMatchObject({
      gateway: undefined,
      unclear: { kind: 'closed', reason: expect.stringContaining('hidden') },
    });
  });

  it('is unclear where somebody listens whom we may not look at', async () => {
    const found = await find(machine([], { listener: { state: 'hidden', uid: 1001 } }));
    expect(found).toMatchObject({
      gateway: undefined,
      unclear: { kind: 'closed', reason: expect.stringContaining('user id 1001') },
    });
  });

  it('is down where its own user sees all of its processes', async () => {
    expect(await find(machine([], { othersHidden: true }))).toMatchObject({
      gateway: undefined,
      unclear: undefined,
    });
  });

  it('is shown where it is known, only its listener is unknown', async () => {
    const processes = machine([{ pid: 7, argv: ['openclaw-gateway'] }], {
      listener: { state: 'hidden', uid: 1000 },
    });
    const found = await find(processes, { lastSeen: { boot: 'boot', pid: 7, start: '7' } });
    expect(found).toMatchObject({
      gateway: { by: 'last_seen' },
      holder: { kind: 'unknown' },
      unclear: undefined,
    });
    expect(await find(processes)).toMatchObject({
      gateway: undefined,
      unclear: { kind: 'closed' },
      holder: { kind: 'unknown' },
    });
  });
});

describe('a process seen before', () => {
  const lastSeen = { boot: 'boot', pid: 7, start: '7' };

  it('is not another one that has its pid now', async () => {
    const found = await find(machine([{ pid: 7, start: '8', argv: ['sleep', '9'] }]), { lastSeen });
    expect(found).toMatchObject({ gateway: undefined, unclear: undefined });
  });

  it('is not one of an earlier boot', async () => {
    const found = await find(machine([{ pid: 7, argv: ['sleep', '9'] }]), {
      lastSeen: { ...lastSeen, boot: 'an earlier one' },
    });
    expect(found.gateway).toBeUndefined();
  });

  it('gives way, as a zombie, to a gateway that lives', async () => {
    const zombie: Fake = { pid: 7, state: 'zombie' };
    expect(await find(machine([zombie]), { lastSeen })).toMatchObject({
      gateway: { row: { state: 'zombie' } },
    });
    expect(await find(machine([zombie, titled(8)]), { lastSeen })).toMatchObject({
      gateway: { row: { pid: 8 } },
    });
  });

  it('gives way to a gateway that listens', async () => {
    const found = await find(machine([titled(7), titled(8, { ports: [PORT] })]), { lastSeen });
    expect(found).toMatchObject({ gateway: { row: { pid: 8 }, by: 'listener' } });
  });
});

describe('the service manager', () => {
  it('names the gateway when nothing listens', async () => {
    expect(await find(machine([bare(7)]), { servicePid: 7 })).toMatchObject({ gateway: { by: 'service' } });
  });

  it('is not believed when it names a wrapper', async () => {
    const found = await find(machine([{ pid: 7, comm: 'conmon', argv: ['conmon'] }]), { servicePid: 7 });
    expect(found.gateway).toBeUndefined();
  });
});

describe('a process named only openclaw', () => {
  it('is the gateway when it runs alone, for long and never started itself anew', async () => {
    expect(await find(machine([bare(7)]))).toMatchObject({ gateway: { by: 'pattern' } });
  });

  it.each<[string, readonly Fake[]]>([
    ['is young', [bare(7, { startedAtMs: NOW - 5_000 })]],
    ['was started by its like', [bare(7), bare(8, { ppid: 7 })]],
    [
      'carries the mark of a command',
      [bare(7, { environment: { ...ours, OPENCLAW_NODE_OPTIONS_READY: '1' } })],
    ],
    [
      'might not have needed a second start',
      [bare(7, { environment: { ...ours, NODE_OPTIONS: '--no-warnings' } })],
    ],
  ])('is unclear when it %s', async (_, fakes) => {
    expect(await find(machine(fakes))).toMatchObject({ gateway: undefined, unclear: { kind: 'ambiguous' } });
  });

  it('is a stranger when it was started for another state folder', async () => {
    const found = await find(machine([bare(7, { environment: { HOME: '/home/other' } })]));
    expect(found).toMatchObject({ gateway: undefined, unclear: undefined, stranger: undefined });
  });

  it("is named with its user where it is another user's", async () => {
    const found = await find(machine([titled(7, { uid: 1001 }), titled(8, { uid: 1002 })]));
    expect(found).toMatchObject({ gateway: undefined, stranger: { pid: 7, uid: 1001 } });
  });
});

describe('further gateways', () => {
  const first = titled(7, { ports: [PORT] });
  const pids = async (...others: readonly Fake[]) =>
    (await find(machine([first, ...others]))).duplicates.map(({ pid }) => pid);

  it('are not the children of the gateway, whatever they are called', async () => {
    expect(await pids(titled(8, { ppid: 7 }), titled(9, { ppid: 8 }))).toEqual([]);
  });

  it('are not what a command of the CLI has started, such as the restart of a person who repairs', async () => {
    const command = {
      pid: 8,
      argv: ['node', '/usr/lib/node_modules/openclaw/openclaw.mjs', 'gateway', 'restart'],
      environment: ours,
    };
    expect(await pids(command, titled(9, { ppid: 8 }), titled(10, { ppid: 9 }))).toEqual([]);
    expect(await pids(titled(9), titled(10, { ppid: 9 }))).toEqual([9, 10]);
  });

  it('are those whose variables are empty, which is as if they were not set', async () => {
    const empty = { ...ours, OPENCLAW_PROFILE: '', OPENCLAW_HOME: '', OPENCLAW_STATE_DIR: '' };
    expect(await pids(titled(8, { environment: empty }))).toEqual([8]);
  });

  it("are not another user's, nor zombies, nor another profile's", async () => {
    expect(await pids(titled(8, { uid: 1001 }), titled(9, { state: 'zombie' }))).toEqual([]);
    expect(
      await pids(titled(8, { environment: { ...ours, OPENCLAW_STATE_DIR: '/home/u/.openclaw-rescue' } })),
    ).toEqual([]);
    expect(await pids(titled(8, { ports: [PORT + 1] }))).toEqual([]);
  });

  it('are those of the same state folder or port', async () => {
    const otherFolder = { HOME: '/home/other', OPENCLAW_GATEWAY_PORT: String(PORT) };
    expect(await pids(titled(8), titled(10, { environment: otherFolder }))).toEqual([8, 10]);
  });

  it('are not those whose lock is about another gateway', async () => {
    const lock = {
      pid: 8,
      startTime: 8,
      createdAtMs: NOW,
      generation: 'a',
      port: undefined,
      ours: false,
      writer: undefined,
    };
    const found = await find(machine([first, titled(8)]), { locks: [lock] });
    expect(found.duplicates).toEqual([]);
  });
});

it('the exporter never takes itself or a parent for the gateway', async () => {
  const self: Fake = { pid: OWN_PID, ppid: 50, argv: ['openclaw-gateway'], ports: [PORT], environment: ours };
  const found = await find(machine([self, titled(50)]));
  expect(found.gateway).toBeUndefined();
});
