import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { type Series, sampleOf } from '../support/exposition.ts';
import { leave } from '../support/leave.ts';
import { askToPair } from '../support/new-device.ts';
import { GatewayHome, newToken, VERSIONS } from '../support/openclaw.ts';

const CHILDREN = 300;
const MIB = 1024 ** 2;
const WAIT_MS = 40_000;
const SOON = { interval: '1s', timeout: '1s' };
const CONFIG = { collectors: { process: SOON, disk: SOON, devices: SOON, deliveries: SOON } };
/** Holds a state folder of 2026.9.6 and what the tests write besides. */
const TMPFS = ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs'];

/** Lets the gateway itself start shells, each with one child, and an MCP server, when a file appears. */
const PRELOAD = `
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
if (process.argv.includes('gateway')) {
  const timer = setInterval(() => {
    if (!existsSync(process.env.TEST_CHILDREN_WHEN)) return;
    clearInterval(timer);
    for (let number = 0; number < ${CHILDREN / 2}; number += 1) spawn('/bin/sh', ['-c', 'sleep 100; true'], { stdio: 'ignore' });
    spawn('/bin/sleep', ['100'], { stdio: 'ignore', argv0: 'mcp-server-weather' });
  }, 200);
  timer.unref();
}
`;

/** Whether this machine lets the test mount; a container without the right to leaves that part out. */
function tryMount(folder: string): boolean {
  try {
    execFileSync('mount', [...TMPFS, folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.each(VERSIONS)('the host and the state of a real gateway %s', (version) => {
  const token = newToken();
  const isNew = version !== '2026.5.7';
  let home: GatewayHome;
  let gateway: Child;
  let exporter: Exporter;
  let isMounted = false;

  beforeAll(async () => {
    home = await GatewayHome.create(version);
    isMounted = tryMount(home.stateDir);
    const gatewayConfig = {
      mode: 'local',
      port: home.port,
      bind: 'loopback',
      auth: { mode: 'token', token },
    };
    home.configure(token, { gateway: { ...gatewayConfig, trustedProxies: ['127.0.0.1'] } });
    gateway = startWithPreload();
    await home.untilReady(gateway);
    exporter = await Exporter.start({ env: home.env, config: CONFIG });
  });

  afterAll(async () => {
    await leave({ exporter, gateway, home: undefined });
    if (isMounted) execFileSync('umount', ['--lazy', home.stateDir]);
    home?.remove();
  });

  function startWithPreload(): Child {
    const preload = join(home.root, 'preload.mjs');
    writeFileSync(preload, PRELOAD);
    const args = [
      '--import',
      preload,
      home.program,
      'gateway',
      'run',
      '--allow-unconfigured',
      '--auth',
      'token',
    ];
    const env = { ...home.env, TEST_CHILDREN_WHEN: join(home.root, 'now') };
    return new Child(process.execPath, args, { env, cwd: home.root });
  }

  /** The one series of a metric with these labels. */
  const value = (series: readonly Series[], name: string, labels: Readonly<Record<string, string>> = {}) =>
    sampleOf(series, `openclaw_${name}`, labels);
  const page = async () => (await fetch(exporter.url('/'))).text();

  it('are told at rest: no foreign child, what the state weighs, nobody who waits', async () => {
    await exporter.untilShown(
      'a gateway at rest',
      (series) => {
        expect(value(series, 'state_bytes', { part: 'database' })).toBeGreaterThan(0);
        expect(value(series, 'gateway_children', { kind: 'other' })).toBe(isNew ? 2 : 0);
        expect(value(series, 'gateway_children', { kind: 'command' })).toBe(0);
        expect(
          value(series, 'state_wal_growth_bytes', { database: isNew ? 'state' : 'tasks' }),
        ).toBeDefined();
        expect(value(series, 'state_quarantined', { kind: 'cron_job' })).toBe(isNew ? 0 : undefined);
        expect(value(series, 'gateway_pairing_requests', { kind: 'device' })).toBe(0);
        expect(value(series, 'delivery_queue_entries', { status: 'failed', channel: '' })).toBe(0);
        expect(value(series, 'ingress_pressured_lanes', { channel: '' })).toBe(isNew ? 0 : undefined);
        expect(value(series, 'exporter_longest_read_transaction_seconds')).toBeLessThan(0.5);
      },
      WAIT_MS,
    );
  });

  it('show a device of another address that waits for approval', async () => {
    const answer = await askToPair({ port: home.port, token, from: '192.168.7.9' });
    expect(answer).toContain('PAIRING_REQUIRED');
    await exporter.untilMetrics(
      'a request that waits',
      (series) => value(series, 'gateway_pairing_requests', { kind: 'device' }) === 1,
      WAIT_MS,
    );
    expect(await page()).toContain('1 pairing request(s) wait for approval');
  });

  it(`show ${CHILDREN} children by kind, as a warning`, async () => {
    writeFileSync(join(home.root, 'now'), '');
    await exporter.untilMetrics(
      'the children',
      (series) =>
        value(series, 'gateway_children', { kind: 'command' }) === CHILDREN &&
        value(series, 'gateway_children', { kind: 'mcp' }) === 1,
      WAIT_MS,
    );
    expect(
      value(await exporter.series(), 'gateway_children_resident_memory_bytes', { kind: 'command' }),
    ).toBeGreaterThan(MIB);
    expect(await page()).toContain(`(${CHILDREN} of commands`);
  });

  it('show a write-ahead log that another reader keeps from being merged, until it ends', async () => {
    const database = isNew ? 'state' : 'tasks';
    const path = join(home.stateDir, ...(isNew ? ['state', 'openclaw.sqlite'] : ['tasks', 'runs.sqlite']));
    const growth = (series: readonly Series[]) => value(series, 'state_wal_growth_bytes', { database }) ?? 0;
    const collections = (series: readonly Series[]) =>
      value(series, 'exporter_collector_runs_total', { collector: 'disk', result: 'ok' }) ?? 0;
    const [reader, writer] = [
      new DatabaseSync(path, { readOnly: true }),
      new DatabaseSync(path, { timeout: 5_000 }),
    ];
    try {
      writer.exec('CREATE TABLE test_filler (content BLOB); INSERT INTO test_filler VALUES (zeroblob(1))');
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM test_filler').get();
      const write = (megabytes: number) => {
        for (let count = 0; count < megabytes; count += 1)
          writer.exec(`INSERT INTO test_filler VALUES (zeroblob(${MIB}))`);
      };
      // The first checkpoint still merges what the reader sees; from then on the database is not written.
      write(8);
      const seen = collections(await exporter.series());
      await exporter.untilMetrics('a look at that', (series) => collections(series) > seen + 1, WAIT_MS);
      write(70);
      await exporter.untilMetrics('a log that grows', (series) => growth(series) > 64 * MIB, WAIT_MS);
      expect(await page()).toContain('a reader keeps its transaction open');
      reader.exec('COMMIT');
      writer.exec('DROP TABLE test_filler; PRAGMA wal_checkpoint(TRUNCATE)');
      await exporter.untilMetrics('a log that was merged', (series) => growth(series) < 5 * MIB, WAIT_MS);
    } finally {
      reader.close();
      writer.close();
    }
  });

  it('show a message that was given up', async () => {
    giveUpMessage();
    await exporter.untilMetrics(
      'a dead delivery',
      (series) =>
        value(series, 'delivery_queue_oldest_seconds', {
          status: 'failed',
          channel: isNew ? '' : 'telegram',
        }) !== undefined,
      WAIT_MS,
    );
    expect(await page()).toContain('1 message(s) were given up and not delivered');
  });

  it('show a state folder whose filesystem is full', async ({ skip }) => {
    if (!isMounted) skip('this machine does not let the test mount a tmpfs');
    const { bsize, bavail } = statfsSync(home.stateDir);
    writeFileSync(join(home.stateDir, 'filler'), Buffer.alloc(bsize * bavail - MIB));
    const series = await exporter.untilMetrics(
      'a full disk',
      (now) => (value(now, 'state_filesystem_avail_bytes', { folder: 'state' }) ?? Infinity) <= MIB,
      WAIT_MS,
    );
    expect(value(series, 'state_filesystem_size_bytes', { folder: 'state' })).toBe(256 * MIB);
    expect(await page()).toMatch(/state folder.*left \(0 %\)/s);
  });

  /** As each version keeps it: a row whose channel is no longer told, a file with all it was. */
  function giveUpMessage(): void {
    if (!isNew) {
      const folder = join(home.stateDir, 'delivery-queue', 'failed');
      mkdirSync(folder, { recursive: true });
      const entry = {
        id: crypto.randomUUID(),
        enqueuedAt: Date.now(),
        channel: 'telegram',
        to: '1',
        payloads: [],
      };
      writeFileSync(join(folder, `${entry.id}.json`), JSON.stringify(entry, null, 2));
      return;
    }
    const database = new DatabaseSync(join(home.stateDir, 'state', 'openclaw.sqlite'), { timeout: 5_000 });
    database
      .prepare(
        `INSERT INTO delivery_queue_entries (queue_name, id, status, entry_json, enqueued_at, updated_at, failed_at)
         VALUES ('outbound-prepared-v1', 'dead', 'failed', '{}', ?, ?, ?)`,
      )
      .run(Date.now(), Date.now(), Date.now());
    database.close();
  }
});
