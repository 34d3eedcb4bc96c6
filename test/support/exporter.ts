import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { Child } from './child.ts';
import { parseExposition, type Series } from './exposition.ts';
import { freePort } from './ports.ts';
import { keepOutput } from './secrets.ts';
import { NeverAnyMore, until } from './until.ts';

const CONFIG_FILE = 'exporter.yml';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface ExporterOptions {
  readonly env: Readonly<Record<string, string>>;
  /** The configuration file's content. */
  readonly config?: unknown;
  /** Shared with another exporter, or kept over a restart. */
  readonly storagePath?: string;
  readonly uid?: number;
  /** To listen on; default: a free one. */
  readonly port?: number;
  /** A program and arguments to start it through: `ip netns exec NAME`. */
  readonly through?: readonly string[];
  /** Whose source is run; default: this one's. */
  readonly root?: string;
}

/** The real exporter as a child process, seen through HTTP only. */
export class Exporter {
  readonly port: number;
  readonly storagePath: string;
  readonly child: Child;
  readonly configFile: string;
  readonly #folder: string;

  private constructor(port: number, folder: string, storagePath: string, child: Child) {
    this.port = port;
    this.#folder = folder;
    this.storagePath = storagePath;
    this.child = child;
    this.configFile = join(folder, CONFIG_FILE);
  }

  static async start({
    env,
    config,
    storagePath,
    through = [],
    port: chosen,
    root = ROOT,
  }: ExporterOptions): Promise<Exporter> {
    const port = chosen ?? (await freePort());
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-exporter-e2e-'));
    const storage = storagePath ?? join(folder, 'storage');
    const configFile = join(folder, CONFIG_FILE);
    writeFileSync(configFile, stringify(config ?? {}));
    const [file = '', ...args] = [
      ...through,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(root, 'src', 'launch.js'),
      `--config.file=${configFile}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.path=${storage}`,
      '--log.level=debug',
    ];
    const exporter = new Exporter(port, folder, storage, new Child(file, args, { env }));
    try {
      await until(
        async () => {
          exporter.#expectAlive();
          // Its own word first: on a port it could not get, another program may answer.
          return exporter.child.output.includes('/metrics') && (await fetch(exporter.url('/-/healthy'))).ok;
        },
        { what: 'the exporter to serve', timeoutMs: 30_000 },
      );
    } catch (error) {
      await exporter.child.end();
      throw error;
    }
    return exporter;
  }

  #expectAlive(): void {
    const { ended, output } = this.child;
    if (ended !== undefined) throw new NeverAnyMore(`the exporter ended (${ended}): ${output.slice(-4000)}`);
  }

  /** Writes another configuration (text as it is, or what becomes YAML) and has it read. */
  reconfigure(config: unknown): void {
    writeFileSync(this.configFile, typeof config === 'string' ? config : stringify(config));
    this.child.signal('SIGHUP');
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** One scrape, in the text format unless `accept` says otherwise. */
  async scrape(accept = 'text/plain'): Promise<string> {
    const text = await (await fetch(this.url('/metrics'), { headers: { accept } })).text();
    keepOutput('/metrics', text);
    return text;
  }

  async series(): Promise<Series[]> {
    return parseExposition(await this.scrape());
  }

  /**
   * Waits until the metrics fulfil `condition`; on failure the message holds what was
   * last scraped of `openclaw_*`.
   */
  async untilMetrics(
    what: string,
    condition: (series: readonly Series[]) => boolean,
    timeoutMs = 30_000,
  ): Promise<readonly Series[]> {
    let last: readonly Series[] = [];
    try {
      return await until(
        async () => {
          this.#expectAlive();
          last = await this.series();
          return condition(last) ? last : undefined;
        },
        { what, timeoutMs, everyMs: 100 },
      );
    } catch (error) {
      if (error instanceof NeverAnyMore) throw error;
      const shown = last
        .filter(
          ({ name }) =>
            name.startsWith('openclaw_gateway') || name.startsWith('openclaw_ssh') || name.endsWith('_up'),
        )
        .map(({ name, labels, value }) => `${name}${JSON.stringify(labels)} ${value}`);
      throw new Error(`${what}: ${shown.join('\n')}`, { cause: error });
    }
  }

  /**
   * Waits until the metrics satisfy every expectation in `expectations` at once. Layers are
   * looked at one after the other, each on its own interval, so what is true of one may be shown
   * before what is true of the next.
   */
  async untilShown(
    what: string,
    expectations: (series: readonly Series[]) => void,
    timeoutMs?: number,
  ): Promise<readonly Series[]> {
    return this.untilMetrics(
      what,
      (series) => {
        expectations(series);
        return true;
      },
      timeoutMs,
    );
  }

  /** Ends it and keeps its log, its pages and its files for the search for tokens. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (signal === 'SIGTERM' && this.child.ended === undefined) {
      keepOutput('status page', await (await fetch(this.url('/'))).text());
    }
    await this.child.end(signal);
    keepOutput('log', this.child.output);
    for (const name of filesBelow(this.storagePath)) {
      keepOutput(`state ${name}`, readTextIfFile(join(this.storagePath, name)));
    }
  }

  /** Removes its files; a failed test may not have stopped it. */
  remove(): void {
    if (this.child.ended === undefined) this.child.signal('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function filesBelow(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
}

function readTextIfFile(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
