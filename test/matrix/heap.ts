import { WebSocket } from 'ws';
import { z } from 'zod';
import { until } from '../support/until.ts';

const targets = z.tuple([z.object({ webSocketDebuggerUrl: z.url() })]);
const answer = z.object({ id: z.int(), result: z.object({ usedSize: z.number() }).partial() });

/** Looks into the heap of a Node process that was started with `--inspect`. */
export class Heap {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (usedSize: number) => void>();
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const { success, data: told } = answer.safeParse(JSON.parse(String(data)));
      if (!success) return;
      this.#waiting.get(told.id)?.(told.result.usedSize ?? Number.NaN);
      this.#waiting.delete(told.id);
    });
  }

  static async of(inspectPort: number): Promise<Heap> {
    const [{ webSocketDebuggerUrl }] = await until(
      async () => targets.parse(await (await fetch(`http://127.0.0.1:${inspectPort}/json`)).json()),
      { what: 'the inspector' },
    );
    const socket = new WebSocket(webSocketDebuggerUrl);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve).once('error', reject);
    });
    return new Heap(socket);
  }

  /** Bytes that are still in use after all garbage was collected. */
  async held(): Promise<number> {
    await this.#call('HeapProfiler.collectGarbage');
    return this.#call('Runtime.getHeapUsage');
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string): Promise<number> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method }));
    });
  }
}
