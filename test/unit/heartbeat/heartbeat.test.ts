import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Page } from '../../../src/diagnosis/paging.ts';
import { Heartbeat } from '../../../src/heartbeat/heartbeat.ts';
import type { HeartbeatRequest } from '../../../src/heartbeat/service.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const SECRET = 'f0e1d2c3b4a5';
const INTERVAL_MS = 60_000;

/** A heartbeat on a clock of its own, with a service that answers as `answer` says. */
function setUp(answer: () => Promise<number> = async () => 200) {
  const clock = new FakeClock();
  const urlFile = join(tempFolder(), 'heartbeat-url');
  writeFileSync(urlFile, `https://hc.example/${SECRET}\n`);
  const lines: string[] = [];
  const sent: HeartbeatRequest[] = [];
  const world: { page: Page | undefined; isReady: boolean } = { page: undefined, isReady: true };
  const heartbeat = new Heartbeat({
    urlFile,
    intervalMs: INTERVAL_MS,
    clock,
    random: () => 0.5,
    logger: createLogger({ level: 'debug', format: 'logfmt', clock, write: (line) => lines.push(line) }),
    isReady: () => world.isReady,
    page: () => world.page,
    send: async (request) => {
      sent.push(request);
      return answer();
    },
  });
  onTestFinished(() => heartbeat.stop());
  const pass = async (intervals: number) => {
    const count = sent.length + lines.length;
    await clock.advance(intervals * INTERVAL_MS);
    // The file is read by another thread, which a clock does not move.
    await vi.waitFor(() => expect(sent.length + lines.length).toBeGreaterThan(count));
  };
  return { clock, heartbeat, lines, pass, sent, urlFile, world };
}

const isAt = (path: string) => ({ url: `https://hc.example/${SECRET}${path}` });

describe('a heartbeat', () => {
  it('reports the start, then success while nothing pages, then the failure and why', async () => {
    const { heartbeat, pass, sent, world } = setUp();
    heartbeat.start();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    await pass(1);
    world.page = { cause: 'cron', layer: 'cron', fact: 'All jobs are overdue.' };
    await pass(1);
    expect(sent).toMatchObject([isAt('/start'), isAt(''), isAt('/fail')]);
    expect(sent.at(-1)?.body).toBe('cron (layer cron): All jobs are overdue.\n');
  });

  it('reports nothing as well before every collector has run', async () => {
    const { clock, heartbeat, pass, sent, world } = setUp();
    world.isReady = false;
    heartbeat.start();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    await clock.advance(3 * INTERVAL_MS);
    expect(sent).toHaveLength(1);
    world.isReady = true;
    await pass(1);
    expect(sent[1]).toMatchObject(isAt(''));
  });

  it('logs a failure once, the recovery once, and the URL never', async () => {
    let status = 503;
    const { heartbeat, lines, pass, sent } = setUp(async () => status);
    heartbeat.start();
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    await pass(1);
    await pass(2);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('the service answered HTTP 503');
    status = 200;
    await pass(4);
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    expect(lines.join('')).not.toContain(SECRET);
    expect(sent.length).toBeGreaterThan(3);
  });

  it('waits longer after each failure, at most five minutes', async () => {
    const { clock, heartbeat, lines, sent } = setUp(async () => 500);
    heartbeat.start();
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    const moments: number[] = [];
    for (let count = sent.length; moments.length < 6; count = sent.length) {
      await clock.advance(INTERVAL_MS / 2);
      await new Promise((resolve) => setImmediate(resolve));
      await vi.waitFor(() => expect(clock.pending).toBe(1));
      if (sent.length > count) moments.push(clock.monotonic());
    }
    const waits = moments.slice(1).map((moment, index) => moment - (moments[index] ?? 0));
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.at(-1)).toBe(5 * INTERVAL_MS);
  });

  it('reads the URL anew each time, and says what is wrong with the file', async () => {
    const { heartbeat, lines, pass, sent, urlFile } = setUp();
    heartbeat.start();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    writeFileSync(urlFile, 'https://other.example/x');
    await pass(1);
    expect(sent[1]?.url).toBe('https://other.example/x');
    rmSync(urlFile);
    await pass(1);
    expect(lines.at(-1)).toContain('heartbeat_url_file cannot be read (ENOENT)');
    writeFileSync(urlFile, `${SECRET} and words`);
    await pass(1);
    expect(lines.at(-1)).toContain('holds no http or https URL');
    expect(lines.join('')).not.toContain(SECRET);
  });

  it('sends nothing once it is stopped', async () => {
    const { clock, heartbeat, sent } = setUp();
    heartbeat.start();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    heartbeat.stop();
    await clock.advance(10 * INTERVAL_MS);
    expect(sent).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
