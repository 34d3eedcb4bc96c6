import { type ChildProcess, spawn } from 'node:child_process';

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A program started by a test: its output so far, its end, and signals by its own pid only. */
export class Child {
  readonly #process: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals>;
  ended: number | NodeJS.Signals | undefined;
  #output = '';

  constructor(file: string, args: readonly string[], { env = {}, cwd }: ChildOptions = {}) {
    this.#process = spawn(file, args, {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('error', () => resolve(-1));
      this.#process.once('exit', (code, signal) => resolve(code ?? signal ?? -1));
    });
    void this.exited.then((how) => {
      this.ended = how;
    });
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('the program could not be started');
    return this.#process.pid;
  }

  /** Standard output and standard error, in order of arrival. */
  get output(): string {
    return this.#output;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.ended === undefined) this.#process.kill(signal);
  }

  /** Ends it, whatever state it is in, and waits. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.signal(signal);
    if (signal !== 'SIGKILL') this.signal('SIGCONT');
    await this.exited;
  }
}
