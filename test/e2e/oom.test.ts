import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { sampleOf } from '../support/exposition.ts';
import { leave } from '../support/leave.ts';
import { MemoryGroup } from '../support/memory-group.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { until } from '../support/until.ts';

const MEBIBYTE = 1024 ** 2;
const ROOM_BYTES = 2_048 * MEBIBYTE;
const INTERVAL = { interval: '2s' };
const KILLS = 'openclaw_gateway_oom_kills_total';

describe('a real gateway 2026.9.6 in a control group without memory', () => {
  const token = newToken();
  const group = MemoryGroup.make(ROOM_BYTES);
  let home: GatewayHome;
  let gateway: Child;
  let exporter: Exporter;

  beforeAll(async () => {
    home = await GatewayHome.create('2026.9.6');
    home.configure(token);
    exporter = await Exporter.start({
      env: home.env,
      config: { collectors: { process: INTERVAL, ping: INTERVAL, oom: INTERVAL } },
    });
    gateway = await home.startPatiently();
    group?.take(gateway.pid);
  });

  afterAll(async () => {
    await leave({ exporter, gateway, home }, 'SIGKILL');
    group?.remove();
  });

  const untilKills = (count: number) =>
    exporter.untilShown(`${count} kills`, (series) => {
      expect(sampleOf(series, KILLS)).toBe(count);
    });
  const page = async () => (await fetch(exporter.url('/'))).text();

  it.skipIf(group === undefined)('counts a process of its group that the kernel killed', async () => {
    await untilKills(0);
    const hog = group?.run(`${process.execPath} -e "Buffer.alloc(${2 * ROOM_BYTES}, 1)"`);
    if (hog !== undefined) expect(await once(hog, 'exit')).toEqual([null, 'SIGKILL']);
    await untilKills(1);
    expect(sampleOf(await exporter.series(), 'openclaw_gateway_process_up')).toBe(1);
    expect(await page()).toContain('the kernel killed a process of the gateway for want of memory');
  });

  it.skipIf(group === undefined)('counts its own end once, also after it was started again', async () => {
    await until(
      () => {
        squeeze();
        void fetch(`http://127.0.0.1:${home.port}/readyz`).catch(() => undefined);
        return gateway.ended !== undefined;
      },
      { what: 'the kernel to kill the gateway', timeoutMs: 60_000, everyMs: 50 },
    );
    expect(gateway.ended).toBe('SIGKILL');
    await exporter.untilShown('its end', (series) => {
      expect(sampleOf(series, 'openclaw_gateway_process_up')).toBe(0);
    });
    group?.limit(ROOM_BYTES);
    gateway = await home.startPatiently();
    group?.take(gateway.pid);
    await untilKills(2);
  });

  /** Leaves the group nothing but what it uses. */
  function squeeze(): void {
    try {
      if (group !== undefined) group.limit(group.usageBytes);
    } catch {
      // The kernel could not free as much.
    }
  }
});
