import { connect, type Socket } from 'node:net';
import { Child } from './child.ts';
import { until } from './until.ts';

const PROGRAM = `
const server = require('node:net').createServer();
server.listen({ port: Number(process.argv[1]), host: '127.0.0.1', backlog: 1 }, () => {
  require('node:fs').writeSync(1, 'port ' + server.address().port + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
`;
/** What Linux lets into a backlog of 1. */
const BACKLOG = 2;

/**
 * A loopback port that swallows connection attempts, as a firewall that drops does: its backlog is full and
 * nobody accepts. Only tried on Linux.
 */
export class SwallowingPort {
  readonly port: number;
  readonly #child: Child;
  readonly #fillers: readonly Socket[];

  private constructor(port: number, child: Child, fillers: readonly Socket[]) {
    this.port = port;
    this.#child = child;
    this.#fillers = fillers;
  }

  /** On a free port, or on the one that is given. */
  static async open(wanted = 0): Promise<SwallowingPort> {
    const child = new Child(process.execPath, ['-e', PROGRAM, String(wanted)]);
    const port = Number(await until(() => /port (\d+)/.exec(child.output)?.[1], { what: 'the port' }));
    const fillers = Array.from({ length: BACKLOG + 2 }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => socket.destroy());
      return socket;
    });
    await until(() => fillers.filter(({ connecting }) => !connecting).length >= BACKLOG, {
      what: 'the backlog to fill',
    });
    return new SwallowingPort(port, child, fillers);
  }

  async close(): Promise<void> {
    for (const socket of this.#fillers) socket.destroy();
    await this.#child.end();
  }
}
