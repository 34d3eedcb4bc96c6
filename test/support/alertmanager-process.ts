import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

export type Labels = Readonly<Record<string, string>>;

/** An alert to report; it lasts until `endsAt`, or for a while where there is none. */
export interface PostedAlert {
  readonly labels: Labels;
  readonly annotations?: Labels;
  readonly startsAt?: string;
  readonly endsAt?: string;
}

/** Debian's Alertmanager on a free port, with its data in a temporary folder. */
export class AlertmanagerProcess {
  readonly url: string;
  readonly #child: Child;
  readonly #folder: string;

  private constructor(child: Child, url: string, folder: string) {
    this.#child = child;
    this.url = url;
    this.#folder = folder;
  }

  /**
   * Ready with the configuration (YAML) made by `configure`, which may put files into the folder it is given.
   */
  static async start(configure: (folder: string) => string): Promise<AlertmanagerProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-alertmanager-'));
    const file = join(folder, 'alertmanager.yml');
    writeFileSync(file, configure(folder));
    const address = `127.0.0.1:${await freePort()}`;
    const child = new Child('prometheus-alertmanager', [
      `--config.file=${file}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--cluster.listen-address=',
    ]);
    const started = new AlertmanagerProcess(child, `http://${address}`, folder);
    await until(async () => (await fetch(`${started.url}/-/ready`)).ok, { what: 'Alertmanager to be ready' });
    return started;
  }

  /** Standard output and standard error so far. */
  get output(): string {
    return this.#child.output;
  }

  async post(alerts: readonly PostedAlert[]): Promise<void> {
    await this.#send('/api/v2/alerts', alerts);
  }

  /** Silences what carries these labels, from now on for so long. */
  async silence(labels: Labels, ms: number): Promise<void> {
    const matchers = Object.entries(labels).map(([name, value]) => ({ name, value, isRegex: false }));
    const [startsAt, endsAt] = [Date.now(), Date.now() + ms].map((time) => new Date(time).toISOString());
    await this.#send('/api/v2/silences', { matchers, startsAt, endsAt, createdBy: 'test', comment: 'test' });
  }

  async stop(): Promise<void> {
    await this.#child.end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #send(path: string, body: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`Alertmanager refused ${path}: ${await answer.text()}`);
  }
}
