import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { NeverAnyMore, until } from './until.ts';

const answer = z.object({
  status: z.literal('success'),
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusProcessOptions {
  readonly flags?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** It keeps nothing and sends on what it scrapes. */
  readonly agent?: boolean;
}

/** Debian's Prometheus on a free port, with its data in a temporary folder. */
export class PrometheusProcess {
  readonly #args: readonly string[];
  readonly #url: string;
  readonly #folder: string;
  #child: Child;

  private constructor(args: readonly string[], url: string, folder: string) {
    this.#args = args;
    this.#url = url;
    this.#folder = folder;
    this.#child = new Child('prometheus', args);
  }

  get child(): Child {
    return this.#child;
  }

  /** Ready with that configuration (YAML); `files`, by name, lie beside it. */
  static async start(
    config: string,
    { flags = [], files = {}, agent = false }: PrometheusProcessOptions = {},
  ): Promise<PrometheusProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-prometheus-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const url = `http://127.0.0.1:${await freePort()}`;
    writeFileSync(configPath(folder), config);
    const data = join(folder, 'data');
    const mode = agent
      ? ['--enable-feature=agent', `--storage.agent.path=${data}`]
      : [`--storage.tsdb.path=${data}`];
    const address = `--web.listen-address=${new URL(url).host}`;
    const args = [`--config.file=${configPath(folder)}`, address, ...mode, ...flags];
    const started = new PrometheusProcess(args, url, folder);
    try {
      await started.#untilReady();
      return started;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  url(path: string): string {
    return this.#url + path;
  }

  /** Takes on another configuration. */
  configure(config: string): void {
    writeFileSync(configPath(this.#folder), config);
    this.child.signal('SIGHUP');
  }

  async query(expression: string): Promise<QueryResult[]> {
    const response = await fetch(this.url(`/api/v1/query?query=${encodeURIComponent(expression)}`));
    const { data } = answer.parse(await response.json());
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** The first value of a query's answer; NaN where it is empty. */
  async value(expression: string): Promise<number> {
    return (await this.query(expression))[0]?.value ?? Number.NaN;
  }

  /** Ends the program and keeps its data. */
  async halt(): Promise<void> {
    await this.child.end('SIGTERM');
  }

  /** Starts it again on the data it had. */
  async resume(): Promise<void> {
    this.#child = new Child('prometheus', this.#args);
    await this.#untilReady();
  }

  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    await until(
      async () => {
        const { ended, output } = this.child;
        if (ended !== undefined) throw new NeverAnyMore(`Prometheus ended: ${output.slice(-2000)}`);
        return (await fetch(this.url('/-/ready'))).ok;
      },
      { timeoutMs: 30_000, what: 'Prometheus to be ready' },
    );
  }
}

function configPath(folder: string): string {
  return join(folder, 'prometheus.yml');
}
