import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { observeBoots, observeIntent } from '../../../../src/collectors/boots/collector.ts';
import { BootLedger } from '../../../../src/collectors/boots/ledger.ts';
import { type Boot, BootReader } from '../../../../src/collectors/boots/source/boots.ts';
import { RestartIntentReader } from '../../../../src/collectors/boots/source/restart-intent.ts';
import { BOOT_REASONS } from '../../../../src/lib/vocabulary.ts';
import { StateFile } from '../../../../src/state/state-file.ts';
import { recordingLogger } from '../../../support/logger.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const FIXTURE = join(import.meta.dirname, '..', '..', '..', 'fixtures', 'boots', '2026.9.6.json');
const DAY_MS = 24 * 3_600_000;
const PATH = '/home/planted-user/.openclaw';

const recordedRow = z.object({
  boot_id: z.string(),
  pid: z.number(),
  started_at_ms: z.number(),
  completed_at_ms: z.number().nullable(),
  outcome: z.string().nullable(),
  startup_reason: z.string().nullable(),
  reason: z.string().nullable(),
});
type Row = z.output<typeof recordedRow>;
/** The record of a gateway that was killed five times, ran in safe mode and left it by itself. */
const RECORDED = z.array(recordedRow).parse(JSON.parse(readFileSync(FIXTURE, 'utf8')));

/** A gateway's record with the schema of 2026.7 to 2026.9. */
class BootRecord {
  readonly stateDir = tempFolder();
  readonly #database: DatabaseSync;
  #clockMs = RECORDED[0]?.started_at_ms ?? 0;
  #boots = 0;

  constructor() {
    mkdirSync(join(this.stateDir, 'state'));
    this.#database = new DatabaseSync(join(this.stateDir, 'state', 'openclaw.sqlite'));
    this.#database.exec(
      `PRAGMA journal_mode = WAL;
       CREATE TABLE gateway_boot_lifecycle (boot_id TEXT NOT NULL PRIMARY KEY, pid INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,
         completed_at_ms INTEGER, outcome TEXT, startup_reason TEXT, reason TEXT) STRICT`,
    );
  }

  put(row: Row): void {
    this.#database
      .prepare('INSERT INTO gateway_boot_lifecycle VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(
        row.boot_id,
        row.pid,
        row.started_at_ms,
        row.completed_at_ms,
        row.outcome,
        row.startup_reason,
        row.reason,
      );
  }

  /** A boot as OpenClaw records it: rows older than a day are deleted first. */
  boot({ pid = this.#boots + 100, afterMs = 60_000, startupReason = null as string | null } = {}): void {
    this.#boots += 1;
    this.#clockMs += afterMs;
    this.#database
      .prepare('DELETE FROM gateway_boot_lifecycle WHERE started_at_ms < ?')
      .run(this.#clockMs - DAY_MS);
    this.put({
      boot_id: `boot-${this.#boots}`,
      pid,
      started_at_ms: this.#clockMs,
      completed_at_ms: null,
      outcome: null,
      startup_reason: startupReason,
      reason: null,
    });
  }

  /** The newest boot ends and says so. */
  end(outcome: string, reason: string): void {
    this.#database
      .prepare(
        'UPDATE gateway_boot_lifecycle SET completed_at_ms = ?, outcome = ?, reason = ? WHERE boot_id = ?',
      )
      .run(this.#clockMs, outcome, reason, `boot-${this.#boots}`);
  }
}

/** An exporter beside that record; each new one goes on from the state of the last. */
class Watcher {
  readonly #folder = tempFolder();
  readonly #record: BootRecord;
  #state: StateFile;
  #ledger: BootLedger;

  constructor(record: BootRecord) {
    this.#record = record;
    this.#state = new StateFile(this.#folder, recordingLogger());
    this.#ledger = new BootLedger(this.#state);
  }

  async restart(): Promise<void> {
    await this.#state.close();
    this.#state = new StateFile(this.#folder, recordingLogger());
    this.#ledger = new BootLedger(this.#state);
  }

  read(): readonly Boot[] {
    const reading = new BootReader(Date.now).read(this.#record.stateDir);
    if (reading.state !== 'read') throw new Error(reading.state);
    return reading.value;
  }

  /** Boots by reason, without those that are 0. */
  async count(): Promise<Readonly<{ [reason: string]: number }>> {
    const totals = await this.#ledger.enter(this.#record.stateDir, this.read());
    if (totals.state !== 'known') throw new Error(totals.reason);
    expect(Object.keys(totals.totals)).toEqual(BOOT_REASONS);
    return Object.fromEntries(Object.entries(totals.totals).filter(([, total]) => total > 0));
  }
}

describe('boots of a gateway', () => {
  it('are unclean after each SIGKILL, and end in the crash-loop breaker, as 2026.9.6 recorded it', async () => {
    const record = new BootRecord();
    const watcher = new Watcher(record);
    await watcher.count();
    for (const row of RECORDED) record.put(row);
    const kills = RECORDED.filter(
      ({ outcome, startup_reason }) => outcome === null && startup_reason === null,
    );
    expect(await watcher.count()).toEqual({ first: 1, unclean: kills.length - 1, crash_loop_breaker: 1 });
  });

  it('are in safe mode from the breaker until the gateway has been stable, as 2026.9.6 recorded it', () => {
    const record = new BootRecord();
    const running = (row: Row): Row => ({ ...row, completed_at_ms: null, outcome: null });
    const before = RECORDED.slice(0, -1);
    for (const row of before.map(running)) record.put(row);
    const watcher = new Watcher(record);
    expect(safeModeOf(watcher.read())).toBe(1);
    for (const row of RECORDED.slice(-1)) record.put(row);
    expect(safeModeOf(watcher.read())).toBe(0);
  });

  it('have the reason by which the one before ended', async () => {
    const record = new BootRecord();
    const watcher = new Watcher(record);
    record.boot();
    expect(await watcher.count()).toEqual({});
    const ends = [
      ['clean_stop', 'stop (SIGTERM)', 'clean_stop'],
      ['planned_restart', 'restart (SIGUSR2)', 'planned_restart'],
      ['planned_restart', 'restart: config reload: gateway.port', 'config_restart'],
      ['forced_stop', 'gateway.restart_shutdown_timeout', 'forced_stop'],
      ['startup_failed', `EACCES ${PATH}`, 'startup_failed'],
      ['something_new', '', 'other'],
    ] as const;
    for (const [outcome, reason] of ends) {
      record.end(outcome, reason);
      record.boot();
    }
    expect(await watcher.count()).toEqual(Object.fromEntries(ends.map(([, , reason]) => [reason, 1])));
  });

  it('do not count a gateway twice that leaves safe mode by itself', async () => {
    const record = new BootRecord();
    const watcher = new Watcher(record);
    record.boot({ pid: 7, startupReason: 'gateway.crash_loop_breaker' });
    await watcher.count();
    expect(safeModeOf(watcher.read())).toBe(1);
    record.end('safe_mode_stable', '');
    record.boot({ pid: 7, startupReason: 'gateway.crash_loop_recovered' });
    expect(await watcher.count()).toEqual({});
    expect(safeModeOf(watcher.read())).toBe(0);
  });

  it('after more than a day are unknown, unless the end was seen or the process is the same', async () => {
    const record = new BootRecord();
    const watcher = new Watcher(record);
    record.boot({ pid: 7 });
    await watcher.count();
    record.boot({ pid: 8, afterMs: DAY_MS + 1 });
    expect(await watcher.count()).toEqual({ other: 1 });
    record.boot({ pid: 8, afterMs: DAY_MS + 1 });
    expect(await watcher.count()).toEqual({ other: 1, planned_restart: 1 });
    record.end('clean_stop', 'stop (SIGTERM)');
    await watcher.count();
    record.boot({ pid: 9, afterMs: DAY_MS + 1 });
    expect(await watcher.count()).toEqual({ other: 1, planned_restart: 1, clean_stop: 1 });
  });

  it('are counted once each, whenever the exporter looks and restarts', async () => {
    const play = {
      boot: async (record: BootRecord) => record.boot(),
      stop: async (record: BootRecord) => record.end('clean_stop', 'stop (SIGTERM)'),
      look: async (_: BootRecord, watcher: Watcher) => watcher.count(),
      restart: async (_: BootRecord, watcher: Watcher) => watcher.restart(),
    };
    const step = fc.constantFrom('boot', 'stop', 'look', 'restart');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const record = new BootRecord();
        const watcher = new Watcher(record);
        await watcher.count();
        for (const one of steps) await play[one](record, watcher);
        const totals = Object.values(await watcher.count()).reduce((a, b) => a + b, 0);
        expect(totals).toBe(steps.filter((one) => one === 'boot').length);
      }),
      { numRuns: 25 },
    );
  });

  it('give away no text of their end, which may hold a path', () => {
    const record = new BootRecord();
    record.boot();
    record.end('startup_failed', `EACCES: permission denied, open '${PATH}'`);
    const reading = new BootReader(Date.now).read(record.stateDir);
    expect(JSON.stringify([reading, observeBoots(reading, undefined)])).not.toContain('planted');
  });

  it('are absent without a fault where the gateway keeps no record, as 2026.5.7 does not', () => {
    const reading = new BootReader(Date.now).read(tempFolder());
    expect(observeBoots(reading, undefined)).toEqual({ kind: 'seen', samples: [], evidence: [] });
  });
});

describe('a restart of the gateway', () => {
  const requestedAt = 1_795_818_000_000;
  const observeAt = (stateDir: string, nowMs: number) =>
    observeIntent(new RestartIntentReader(() => nowMs).read(stateDir), nowMs);

  it('is pending for a minute after it was requested, and no longer once the gateway took it up', () => {
    const stateDir = tempFolder();
    mkdirSync(join(stateDir, 'state'));
    const database = new DatabaseSync(join(stateDir, 'state', 'openclaw.sqlite'));
    database.exec(
      'CREATE TABLE gateway_restart_intent (intent_key TEXT PRIMARY KEY, kind TEXT, pid INTEGER, created_at INTEGER, reason TEXT)',
    );
    const value = (nowMs: number) => observeAt(stateDir, nowMs).samples[0]?.value;
    expect(value(requestedAt)).toBe(0);
    database
      .prepare("INSERT INTO gateway_restart_intent VALUES ('gateway-restart', 'restart', 1, ?, ?)")
      .run(requestedAt, `${PATH} planted`);
    expect(value(requestedAt + 59_000)).toBe(1);
    expect(value(requestedAt + 61_000)).toBe(0);
    expect(JSON.stringify(observeAt(stateDir, requestedAt))).not.toContain('planted');
    database.exec('DELETE FROM gateway_restart_intent');
    expect(value(requestedAt + 1_000)).toBe(0);
    database.close();
  });

  it('is not known where the gateway keeps no record of requests', () => {
    expect(observeAt(tempFolder(), requestedAt)).toEqual({ kind: 'seen', samples: [], evidence: [] });
  });
});

function safeModeOf(boots: readonly Boot[]): number | undefined {
  const { samples } = observeBoots({ state: 'read', value: boots }, undefined);
  return samples.find(({ family }) => family.name === 'openclaw_gateway_safe_mode')?.value;
}
