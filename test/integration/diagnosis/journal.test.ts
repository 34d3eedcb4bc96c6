import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Evidence } from '../../../src/core/collector.ts';
import { historySchema } from '../../../src/diagnosis/journal/history.ts';
import { JournalWorld } from '../../support/journal-world.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const token = (verdict: Evidence['verdict'], text = 'token of openclaw.json refused'): Evidence => ({
  layer: 'token',
  subject: 'gateway',
  verdict,
  text,
  ...(verdict === 'bad' ? { fault: 'token-mismatch' } : {}),
});
const host = (verdict: Evidence['verdict']): Evidence => ({
  layer: 'network',
  subject: 'host macbook',
  verdict,
  text: verdict === 'ok' ? 'a command ran' : 'no banner',
  ...(verdict === 'bad' ? { fault: 'ssh-down' } : {}),
});

function world(): JournalWorld {
  const made = new JournalWorld(tempFolder());
  made.evidence.set('token', [token('ok', 'accepted')]);
  onTestFinished(() => made.kill());
  return made;
}

const job = (failed: number, missed: number, atMs: number) => ({
  id: 'a',
  name: 'backup',
  counts: { runs: { ok: 1, error: failed }, missed },
  last: { atMs, status: 'error' },
});

describe('an incident in the journal', () => {
  it('has begin, end, cause and evidence, and the number of runs that finished meanwhile', async () => {
    const at = world();
    at.totals = [job(0, 0, 0)];
    await at.pass(MINUTE_MS);
    const beganMs = at.clock.now();
    at.evidence.set('token', [token('bad')]);
    await at.pass(20 * MINUTE_MS);
    at.totals = [job(3, 0, at.clock.now())];
    at.evidence.set('token', [token('ok')]);
    await at.pass(MINUTE_MS);

    const { incidents } = await at.history();
    expect(incidents).toMatchObject([
      {
        severity: 'critical',
        cause: 'authentication',
        layer: 'token',
        subject: 'gateway',
        text: 'token of openclaw.json refused',
        times: 1,
        endNotSeen: false,
        runsMeanwhile: 3,
      },
    ]);
    const [{ from = '', to = '' } = {}] = incidents;
    expect(Date.parse(from) - beganMs).toBeLessThanOrEqual(5_000);
    expect(Date.parse(to ?? '') - Date.parse(from)).toBeCloseTo(20 * MINUTE_MS, -4);
  });

  it('lasts while its layer cannot be seen', async () => {
    const at = world();
    at.evidence.set('token', [token('bad')]);
    await at.pass(MINUTE_MS);
    at.evidence.set('token', []);
    at.blind.set('token', 'no permission');
    await at.pass(HOUR_MS, MINUTE_MS);
    expect((await at.history()).incidents).toMatchObject([{ to: null }]);
  });

  it('goes on after a restart of the exporter, and one that is over says that its end was not seen', async () => {
    const at = world();
    at.evidence.set('token', [token('bad')]);
    await at.pass(MINUTE_MS);
    await at.kill();
    await at.pass(MINUTE_MS);
    expect((await at.history()).incidents).toMatchObject([{ to: null, times: 1 }]);
    await at.kill();
    at.evidence.set('token', [token('ok')]);
    await at.clock.advance(HOUR_MS);
    await at.pass(MINUTE_MS);
    const { incidents, gaps } = await at.history(2 * HOUR_MS);
    expect(incidents).toMatchObject([{ endNotSeen: true }]);
    expect(gaps.at(-1)).toMatchObject({ to: expect.any(String) });
  });

  it('that begins again soon is one incident that began several times', async () => {
    const at = world();
    for (let times = 0; times < 5; times += 1) {
      at.evidence.set('ssh', [host('bad')]);
      await at.pass(MINUTE_MS);
      at.evidence.set('ssh', [host('ok')]);
      await at.pass(MINUTE_MS);
    }
    expect((await at.history()).incidents).toMatchObject([{ cause: 'network', times: 5 }]);
  });

  it('stands beside one of another cause', async () => {
    const at = world();
    at.evidence.set('token', [token('bad')]);
    at.evidence.set('ssh', [host('bad')]);
    await at.pass(MINUTE_MS);
    const causes = (await at.history()).incidents.map(({ cause }) => cause);
    expect(causes.toSorted()).toEqual(['authentication', 'network']);
  });
});

describe('changes of verdict', () => {
  it('are kept one by one, of the layer and of the subject', async () => {
    const at = world();
    await at.pass(MINUTE_MS);
    at.evidence.set('token', [token('bad')]);
    await at.pass(MINUTE_MS);
    const { changes } = await at.history();
    expect(changes.map(({ layer, subject, before, after }) => [layer, subject, before, after])).toEqual([
      ['token', '', null, 'ok'],
      ['token', '', 'ok', 'bad'],
      ['token', 'gateway', 'ok', 'bad'],
    ]);
  });

  it('beyond 6 within 30 minutes are one entry with their number', async () => {
    const at = world();
    at.evidence.set('ssh', [host('ok')]);
    await at.pass(MINUTE_MS);
    for (let change = 0; change < 21; change += 1) {
      at.evidence.set('ssh', [host(change % 2 === 0 ? 'bad' : 'ok')]);
      await at.pass(MINUTE_MS);
    }
    const { changes } = await at.history();
    const its = changes.filter(({ subject }) => subject === 'host macbook');
    expect(its).toMatchObject([{ before: 'ok', after: 'bad', count: 21 }]);
    // After half an hour of calm a change is an entry of its own again.
    await at.pass(31 * MINUTE_MS, MINUTE_MS);
    at.evidence.set('ssh', [host('ok')]);
    await at.pass(MINUTE_MS);
    const later = (await at.history()).changes.filter(({ subject }) => subject === 'host macbook');
    expect(later.map(({ count }) => count)).toEqual([21, 1]);
  });
});

describe('failed and missed runs', () => {
  it('are summed per job and hour, exactly once through restarts, with the last error', async () => {
    const at = world();
    at.totals = [job(5, 1, 0)];
    await at.pass(MINUTE_MS);
    expect((await at.history()).jobs).toEqual([]);

    at.evidence.set('cron', [
      { layer: 'cron', subject: 'job backup', verdict: 'warning', text: 'failed', detail: 'disk full' },
    ]);
    at.totals = [job(7, 1, at.clock.now())];
    await at.pass(MINUTE_MS);
    await at.kill();
    await at.pass(MINUTE_MS);
    await at.clock.advance(HOUR_MS);
    at.totals = [job(8, 3, at.clock.now())];
    await at.pass(MINUTE_MS);
    const { jobs, runs } = await at.history();
    expect(jobs).toMatchObject([{ id: 'a', name: 'backup', failed: 3, missed: 2, error: 'disk full' }]);
    expect(runs.map(({ failed, missed }) => [failed, missed])).toEqual([
      [2, 0],
      [1, 2],
    ]);
  });

  it('of a job that appears later count from its first', async () => {
    const at = world();
    at.totals = [];
    await at.pass(MINUTE_MS);
    at.totals = [job(1, 0, at.clock.now())];
    await at.pass(MINUTE_MS);
    expect((await at.history()).jobs).toMatchObject([{ failed: 1 }]);
  });
});

describe('restarts and versions', () => {
  it('are events, also when they happened while the exporter did not run', async () => {
    const at = world();
    at.process = { identity: 'boot 1 1' };
    at.version = '2026.8.1';
    await at.pass(MINUTE_MS);
    expect((await at.history()).events).toEqual([]);
    await at.kill();
    at.process = { identity: 'boot 2 2', startedAtMs: at.clock.now() };
    at.version = '2026.9.6';
    await at.pass(MINUTE_MS);
    expect((await at.history()).events).toMatchObject([
      { kind: 'restart' },
      { kind: 'version', text: 'OpenClaw 2026.8.1 to 2026.9.6' },
    ]);
  });
});

describe('a time in which the exporter did not run', () => {
  it('is a gap, and a machine that slept is one too', async () => {
    const at = world();
    await at.pass(10 * MINUTE_MS);
    await at.stop();
    await at.clock.advance(HOUR_MS);
    await at.pass(10 * MINUTE_MS);
    await at.clock.advance(2 * HOUR_MS);
    await at.pass(10 * MINUTE_MS);
    const lengths = (await at.history(3.5 * HOUR_MS)).gaps.map(
      ({ from, to }) => (Date.parse(to) - Date.parse(from)) / HOUR_MS,
    );
    expect(lengths.length).toBe(2);
    expect(lengths[0]).toBeCloseTo(1, 1);
    expect(lengths[1]).toBeCloseTo(2, 1);
  });
});

describe("the journal's file", () => {
  it('is for its owner alone, and so are the files beside it', async () => {
    const at = world();
    chmodSync(at.folder, 0o755);
    writeFileSync(at.path, '', { mode: 0o644 });
    await at.pass(MINUTE_MS);
    for (const name of readdirSync(at.folder)) {
      expect([name, statSync(`${at.folder}/${name}`).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it('that is corrupt, or of a newer exporter, is kept beside a new one', async () => {
    const corrupt = world();
    writeFileSync(corrupt.path, 'no database'.repeat(1000));
    await corrupt.pass(MINUTE_MS);
    expect(readdirSync(corrupt.folder)).toContain('journal.sqlite.corrupt');

    const newer = world();
    await newer.pass(MINUTE_MS);
    await newer.stop();
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(newer.path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    await newer.pass(MINUTE_MS);
    expect(readdirSync(newer.folder)).toContain('journal.sqlite.version-99');
    expect((await newer.history()).changes.length).toBe(1);
  });

  it('is left alone while another exporter owns the storage path', async () => {
    const at = world();
    at.isOwner = false;
    await at.pass(MINUTE_MS);
    expect(readdirSync(at.folder)).toEqual([]);
  });

  it('that is removed while it is in use begins anew', async () => {
    const at = world();
    await at.pass(MINUTE_MS);
    const { rmSync } = await import('node:fs');
    for (const name of readdirSync(at.folder)) rmSync(`${at.folder}/${name}`);
    at.evidence.set('token', [token('bad')]);
    await at.pass(MINUTE_MS);
    expect((await at.history()).incidents.length).toBe(1);
  });

  it('follows its schema', async () => {
    const at = world();
    at.evidence.set('token', [token('bad')]);
    at.totals = [];
    await at.pass(MINUTE_MS);
    at.totals = [job(1, 0, at.clock.now())];
    await at.pass(MINUTE_MS);
    expect(historySchema.safeParse(await at.history()).error).toBeUndefined();
  });
});

describe('what was reported by another program', () => {
  it('is left out where details may not be shown', async () => {
    const at = world();
    at.evidence.set('token', [{ ...token('bad'), detail: 'unauthorized' }]);
    await at.pass(MINUTE_MS);
    expect((await at.history()).incidents).toMatchObject([{ detail: 'unauthorized' }]);
    expect(JSON.stringify(await at.history(HOUR_MS, false))).not.toContain('unauthorized');
  });
});
