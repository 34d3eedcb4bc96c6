import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthGate } from '../../src/auth/gate.ts';
import { Secret } from '../../src/lib/secret.ts';
import { NO_INSTRUMENTS } from '../../src/metrics/instruments.ts';
import { ApiGateway, writePairedDevice } from './cron-api-gateway.ts';
import { CronHarness } from './cron-harness.ts';
import { FilesStore, SqliteStore, type StoredRun } from './cron-store.ts';
import { TestFacts } from './facts.ts';
import { FakeClock } from './fake-clock.ts';

export const PUBLISH_DELAY_MS = 1_000;
/** Between two questions of the API source. */
export const ASKED_EVERY_MS = 60_000;

/** The credential is proved, and nothing speaks against it. */
function provedBoard(): TestFacts {
  const accepted = { place: 'config' as const, secret: new Secret('the-shared-token-of-this-test') };
  const board = new TestFacts();
  board.publish('provedCredential', { accepted, identity: undefined, greeting: undefined });
  return board;
}

/**
 * A gateway that answers and stores, one of the two a moment or for long before the
 * other, and the exporter beside it.
 */
export class ApiWorld {
  readonly root = mkdtempSync(join(tmpdir(), 'openclaw-cron-api-'));
  readonly stateDir = join(this.root, 'state-dir');
  readonly storagePath = join(this.root, 'storage');
  readonly clock = new FakeClock();
  readonly board = provedBoard();
  readonly gate = new AuthGate({ clock: this.clock, metrics: NO_INSTRUMENTS, storagePath: this.storagePath });
  readonly gateway: ApiGateway;
  readonly store: FilesStore | SqliteStore;
  readonly harness: CronHarness;
  readonly #folder: 'cron' | 'state';

  private constructor(gateway: ApiGateway, age: 'files' | 'sqlite', setting: string) {
    this.gateway = gateway;
    const kept = join(this.root, 'kept');
    this.store = age === 'sqlite' ? new SqliteStore(kept) : new FilesStore(kept);
    this.#folder = age === 'sqlite' ? 'state' : 'cron';
    mkdirSync(this.stateDir);
    mkdirSync(join(this.root, 'broken', this.#folder), { recursive: true });
    const unreadable = age === 'sqlite' ? 'openclaw.sqlite' : 'jobs.json';
    writeFileSync(
      join(this.root, 'broken', this.#folder, unreadable),
      'neither a database nor a list of jobs',
    );
    this.setReadable(true);
    writePairedDevice(this.stateDir);
    this.harness = new CronHarness({
      stateDir: this.stateDir,
      storagePath: this.storagePath,
      clock: this.clock,
      board: this.board,
      gate: this.gate,
      config: `
gateway: { url: '${gateway.url}' }
cron: { api: true, publish_delay: ${PUBLISH_DELAY_MS}ms, ${setting} }`,
    });
  }

  /** `setting` is one more of the configuration's section `cron`. */
  static async create(age: 'files' | 'sqlite', setting = 'grace: 10m'): Promise<ApiWorld> {
    return new ApiWorld(await ApiGateway.start(), age, setting);
  }

  async close(): Promise<void> {
    await this.harness.kill();
    await this.gateway.close();
    if (this.store instanceof SqliteStore) this.store.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  /**
   * Whether the exporter finds the store, or something unreadable in its place; the
   * gateway writes in either case.
   */
  setReadable(readable: boolean): void {
    const link = join(this.stateDir, this.#folder);
    symlinkSync(join(this.root, readable ? 'kept' : 'broken', this.#folder), `${link}.new`);
    renameSync(`${link}.new`, link);
  }

  putJob(id: string): void {
    this.gateway.putJob(id, `name of ${id}`);
    this.store.putJob(id, `name of ${id}`);
  }

  /** A run that both tell. */
  addRun(run: StoredRun): void {
    this.gateway.addRun(run);
    this.addToStore(run);
  }

  /** A run that only the store tells. */
  addToStore(run: StoredRun): void {
    this.store.addRun(run);
    // What the gateway keeps of the last run beside its history.
    this.store.putJob(run.jobId, `name of ${run.jobId}`, {
      state: { lastRunAtMs: run.runAtMs, lastRunStatus: run.status === 'interrupted' ? 'error' : run.status },
    });
  }

  /** One look, late enough for the API to be asked. */
  async askingLook() {
    await this.clock.advance(ASKED_EVERY_MS);
    return this.harness.see();
  }
}

/** The file that tells whether a device is paired, away or back. */
export function setPaired(stateDir: string, paired: boolean): void {
  const path = join(stateDir, 'devices', 'paired.json');
  const [from, to] = paired ? [`${path}.away`, path] : [path, `${path}.away`];
  if (existsSync(from)) renameSync(from, to);
}
