import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Phase } from './hostile-answers.ts';

const PROGRAM = fileURLToPath(new URL('hostile-gateway-program.ts', import.meta.url));
const listening = z.tuple([z.object({ port: z.number() })]).rest(z.unknown());

/** A host that never behaves, in a process of its own. */
export class HostileGateway {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(): Promise<HostileGateway> {
    const child = fork(PROGRAM, { execArgv: ['--disable-warning=ExperimentalWarning'] });
    const [{ port }] = listening.parse(await once(child, 'message'));
    return new HostileGateway(child, port);
  }

  /** Ends what is under way and plays that seed from now on. */
  async play(phase: Phase, seed: number): Promise<void> {
    const told = once(this.#child, 'message');
    this.#child.send({ phase, seed });
    await told;
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
