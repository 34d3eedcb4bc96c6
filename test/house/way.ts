import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Child } from '../support/child.ts';
import { SqliteStore } from '../support/cron-store.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';

/** Collectors whose way through the program is measured, by what travels it. */
export const WAYS = {
  cron: 'a cron row to its counter',
  ping: 'a ping answer to its sample',
  token: 'a token to its verdict',
} as const;
/** A key of {@link WAYS}. */
export type Way = keyof typeof WAYS;

const GATEWAY = join(import.meta.dirname, '..', 'support', 'stand-in-gateway.ts');
const TOKEN = 'a-token-of-this-measurement-alone';
const coverage = z.object({
  result: z.array(
    z.object({
      url: z.string(),
      functions: z.array(
        z.object({ functionName: z.string(), ranges: z.array(z.object({ count: z.number() })) }),
      ),
    }),
  ),
});

/**
 * The modules of a program's `src`, without `lib`, of which a function runs only where this one collector
 * does: `check` with it alone, less `check` with none, by V8's coverage. The gateway is a stand-in, the store
 * of cron is written as OpenClaw 2026.8 and later write it.
 */
export async function measureWay(root: string, way: Way): Promise<readonly string[]> {
  const world = await World.start();
  try {
    const names = await world.collectorNames(root);
    const [with_, without] = [await world.run(root, names, way), await world.run(root, names, undefined)];
    return [...with_].filter((file) => !without.has(file) && !file.startsWith('lib/')).toSorted();
  } finally {
    await world.stop();
  }
}

class World {
  readonly #home = mkdtempSync(join(tmpdir(), 'openclaw-exporter-house-'));
  readonly #stateDir = join(this.#home, '.openclaw');
  readonly #gateway: Child;
  readonly #port: number;

  private constructor(gateway: Child, port: number) {
    this.#gateway = gateway;
    this.#port = port;
    mkdirSync(this.#stateDir);
    writeFileSync(
      join(this.#stateDir, 'openclaw.json'),
      JSON.stringify({ gateway: { port, auth: { mode: 'token', token: TOKEN } } }),
    );
    const store = new SqliteStore(this.#stateDir);
    const now = Date.now();
    store.putJob('backup', 'backup');
    store.addRun({ jobId: 'backup', runAtMs: now - 5_000, finishedAtMs: now - 1_000, status: 'ok' });
    store.stop();
  }

  static async start(): Promise<World> {
    const port = await freePort();
    const env = { STAND_IN_PORT: String(port), STAND_IN_TOKEN: TOKEN };
    const gateway = new Child(process.execPath, [GATEWAY], { env });
    await until(() => gateway.output.includes('listening'), { what: 'the stand-in to listen' });
    return new World(gateway, port);
  }

  async stop(): Promise<void> {
    await this.#gateway.end();
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** As the program's own complaint about an unknown one lists them. */
  async collectorNames(root: string): Promise<string[]> {
    const output = await this.#check(root, 'collectors: { none: {} }', this.#folder());
    return (
      /allowed here: (.*)/
        .exec(output)?.[1]
        ?.split(', ')
        .map((name) => name.trim()) ?? []
    );
  }

  async run(root: string, names: readonly string[], only: Way | undefined): Promise<ReadonlySet<string>> {
    const folder = this.#folder();
    const collectors = names.map((name) => `  ${name}: { enabled: ${name === only} }\n`).join('');
    await this.#check(root, `collectors:\n${collectors}`, folder);
    return new Set(readdirSync(folder).flatMap((name) => modulesRun(join(folder, name), join(root, 'src'))));
  }

  #folder(): string {
    return mkdtempSync(join(this.#home, 'run-'));
  }

  async #check(root: string, config: string, coverageFolder: string): Promise<string> {
    const folder = this.#folder();
    const path = join(folder, 'exporter.yml');
    writeFileSync(path, config);
    const args = ['--disable-warning=ExperimentalWarning', join(root, 'src', 'launch.js'), 'check'];
    const child = new Child(
      process.execPath,
      [...args, `--config.file=${path}`, `--storage.path=${join(folder, 'storage')}`],
      {
        env: {
          HOME: this.#home,
          OPENCLAW_STATE_DIR: this.#stateDir,
          OPENCLAW_GATEWAY_PORT: String(this.#port),
          NODE_V8_COVERAGE: coverageFolder,
          PATH: '/usr/bin:/bin',
        },
      },
    );
    await child.exited;
    return child.output;
  }
}

/** Files below `src` of which a named function or method ran, as one coverage file of V8 has it. */
function modulesRun(file: string, src: string): string[] {
  const { result } = coverage.parse(JSON.parse(readFileSync(file, 'utf8')));
  return result
    .filter(({ url }) => url.startsWith('file:') && fileURLToPath(url).startsWith(`${src}/`))
    .filter(({ functions }) =>
      functions.some(({ functionName, ranges }) => functionName !== '' && (ranges[0]?.count ?? 0) > 0),
    )
    .map(({ url }) => relative(src, fileURLToPath(url)));
}
