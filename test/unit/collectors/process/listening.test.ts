import { describe, expect, it } from 'vitest';
import type { FoundGateway } from '../../../../src/collectors/process/find.ts';
import { ListeningPort } from '../../../../src/collectors/process/listening.ts';
import type { GatewayLock } from '../../../../src/openclaw/lock.ts';
import type { ListeningAddress, Processes } from '../../../../src/os/processes.ts';

const signal = new AbortController().signal;
const at = (port: number): ListeningAddress => ({ host: '127.0.0.1', port });

interface Case {
  readonly sockets: readonly ListeningAddress[] | undefined;
  readonly argv?: readonly string[];
  readonly lockPort?: number;
  readonly answers?: readonly number[];
}

/** A process with these sockets, of which some ports answer as OpenClaw. */
function listening({ sockets, argv = [], lockPort, answers = [] }: Case) {
  const called: number[] = [];
  const processes: Pick<Processes, 'sockets' | 'environment'> = {
    sockets: async () => sockets,
    environment: async () => new Map(),
  };
  const row = { pid: 7, ppid: 1, start: '7', startedAtMs: 0, state: 'sleeping', comm: 'node', argv } as const;
  const lock: GatewayLock | undefined =
    lockPort === undefined
      ? undefined
      : {
          pid: 7,
          startTime: 7,
          createdAtMs: 0,
          generation: '',
          port: lockPort,
          ours: true,
          writer: undefined,
        };
  const found: FoundGateway = { row, by: 'lock_file', lock };
  const port = new ListeningPort(processes, async ({ port: asked }) => {
    called.push(asked);
    return answers.includes(asked)
      ? { state: 'live', connectSeconds: 0, httpSeconds: 0 }
      : { state: 'foreign', reason: '' };
  });
  return { called, find: (configured?: number) => port.find(found, configured, signal) };
}

describe('the port of a gateway that holds many', () => {
  const many = [11, 13, 12, 10, 14].map(at);

  it('is that of its command line, else of its lock, else the configured one', async () => {
    const argv = ['node', 'openclaw.mjs', 'gateway', '--port', '14'];
    expect(await listening({ sockets: many, argv, lockPort: 13 }).find(12)).toMatchObject({ port: 14 });
    expect(await listening({ sockets: many, lockPort: 13 }).find(12)).toMatchObject({ port: 13 });
    expect(await listening({ sockets: many }).find(12)).toEqual({ port: 12, listens: [at(12)] });
  });

  it('is else the lowest that answers as OpenClaw; at most three are called, once per process', async () => {
    const { find, called } = listening({ sockets: many, answers: [12] });
    expect(await find(99)).toEqual({ port: 12, listens: [at(12)] });
    expect(await find(99)).toMatchObject({ port: 12 });
    expect(called).toEqual([10, 11, 12]);
    const none = listening({ sockets: many, answers: [14] });
    await none.find();
    expect(none.called).toEqual([10, 11, 12]);
  });

  it('is the lowest where it hangs and answers nowhere', async () => {
    expect(await listening({ sockets: many }).find(99)).toEqual({ port: 10, listens: [at(10)] });
  });

  it('is known though it is not held any more', async () => {
    expect(await listening({ sockets: [], lockPort: 13 }).find()).toEqual({ port: 13, listens: [] });
  });

  it('is unknown where its sockets are hidden and nothing names it', async () => {
    expect(await listening({ sockets: undefined }).find(12)).toBeUndefined();
  });
});
