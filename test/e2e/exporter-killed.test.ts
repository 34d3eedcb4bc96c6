import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startBlackHole } from '../support/black-hole.ts';
import type { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { sampleOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

/** Live processes whose command line holds `mark`. */
function processesWith(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(mark) ? [line] : [];
      } catch {
        return [];
      }
    });
}

describe('an exporter killed with SIGKILL while every probe hangs', () => {
  let hole: Child;
  let port: number;

  beforeEach(async () => {
    port = await freePort();
    hole = await startBlackHole(port);
  });

  afterEach(async () => {
    await hole.end();
  });

  it('leaves no child behind and starts again as if nothing had happened', async () => {
    const home = tempFolder();
    const storagePath = tempFolder();
    const mark = `black-hole-${port}`;
    const config = {
      gateway: { url: `ws://127.0.0.1:${port}` },
      ssh: { hosts: [{ name: 'hole', target: `${mark}@127.0.0.1`, port }] },
      collectors: { ssh: { interval: '2s', timeout: '2s' }, ping: { interval: '1s', timeout: '1s' } },
    };
    const start = () => Exporter.start({ env: { HOME: home }, config, storagePath });
    for (let round = 0; round < 3; round += 1) {
      const exporter = await start();
      await until(() => processesWith(mark).length > 0, { what: 'a command over ssh to be under way' });
      await exporter.stop('SIGKILL');
      exporter.remove();
      await until(() => processesWith(mark).length === 0, { timeoutMs: 30_000, what: 'its child to end' });
    }
    const again = await start();
    await again.untilShown('a verdict on the host and on the gateway', (all) => {
      expect(sampleOf(all, 'openclaw_ssh_up')).toBe(0);
      expect(sampleOf(all, 'openclaw_gateway_up')).toBe(0);
    });
    await again.stop('SIGTERM');
    expect(again.child.ended).toBe(0);
    expect(processesWith(mark)).toEqual([]);
    again.remove();
  });
});
