import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp-folder.ts';
import { until } from './until.ts';

/**
 * How a gateway looks to the operating system: renamed (2026.9 and 2026.5 started by hand) or with its whole
 * command line (a service of either version).
 */
export type Shape = 'renamed-2026.9' | 'renamed-2026.5' | 'service';

export interface StandIn {
  readonly pid: number;
  /** The port it listens on; undefined where it was told not to listen. */
  readonly port: number | undefined;
  /** Closes the listener; the process lives on. */
  stopListening(): Promise<void>;
  /** Ends it for good and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface StandInOptions {
  readonly shape: Shape;
  /** 0 for a free port; undefined for none. */
  readonly port?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

const TITLES: Readonly<Record<Shape, string>> = {
  'renamed-2026.9': 'openclaw-gateway',
  'renamed-2026.5': 'openclaw',
  service: '',
};

const PROGRAM = `
import { createServer } from 'node:net';
const { STAND_IN_TITLE: title, STAND_IN_PORT: port } = process.env;
if (title) process.title = title;
const server = createServer((socket) => socket.destroy());
process.stdin.once('data', () => server.close(() => process.send('closed')));
if (port === undefined) process.send({ port: undefined });
else server.listen(Number(port), '127.0.0.1', () => process.send({ port: server.address().port }));
`;

/** Starts a process that looks like a gateway and does nothing but listen; it ends with the running test. */
export async function standIn({ shape, port, env = {} }: StandInOptions): Promise<StandIn> {
  const program = join(tempFolder(), 'openclaw', 'dist', 'index.js');
  mkdirSync(dirname(program), { recursive: true });
  writeFileSync(join(dirname(program), 'package.json'), '{"type":"module"}');
  writeFileSync(program, PROGRAM);
  const child = spawn(process.execPath, [program, 'gateway', ...(port ? ['--port', String(port)] : [])], {
    env: {
      ...env,
      STAND_IN_TITLE: TITLES[shape],
      ...(port === undefined ? {} : { STAND_IN_PORT: String(port) }),
    },
    stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
  });
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  onTestFinished(() => end(child, 'SIGKILL'));
  const ready = (await until(() => messages[0], { what: 'the stand-in' })) as { port?: number };
  return {
    pid: child.pid ?? 0,
    port: ready.port,
    stopListening: async () => {
      child.stdin?.write('x');
      await until(() => messages.includes('closed'), { what: 'the closed listener' });
    },
    kill: (signal = 'SIGKILL') => end(child, signal),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await until(() => child.exitCode !== null || child.signalCode !== null, { what: 'the end of a stand-in' });
}
