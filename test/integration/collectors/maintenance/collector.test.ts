import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { declareMaintenance, endMaintenance, readMaintenance } from '../../../../src/state/maintenance.ts';
import { Child } from '../../../support/child.ts';
import { Exporter } from '../../../support/exporter.ts';
import { type Series, sampleOf } from '../../../support/exposition.ts';
import { freePort } from '../../../support/ports.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const LAUNCHER = fileURLToPath(new URL('../../../../src/launch.js', import.meta.url));
const NOW = Date.UTC(2026, 0, 5, 8, 39);
const MINUTE_MS = 60_000;

const declared = (series: readonly Series[]) => sampleOf(series, 'openclaw_gateway_maintenance');

async function command(home: string, ...args: readonly string[]): Promise<Child> {
  const child = new Child(process.execPath, [LAUNCHER, ...args], { env: { HOME: home } });
  await child.exited;
  return child;
}

describe('a declaration of maintenance', () => {
  it('that is damaged is neither taken for one nor for none', () => {
    const storage = tempFolder();
    writeFileSync(join(storage, 'maintenance.json'), '{"until":');
    expect(readMaintenance(storage, NOW).state).toBe('unreadable');
  });

  it('that cannot be read is told as that', () => {
    const storage = tempFolder();
    mkdirSync(join(storage, 'maintenance.json'));
    expect(readMaintenance(storage, NOW).state).toBe('unreadable');
  });

  it('is over when its time is, to the millisecond', () => {
    const storage = tempFolder();
    const untilMs = NOW + 30 * MINUTE_MS;
    declareMaintenance(storage, untilMs);
    expect(readMaintenance(storage, untilMs - 1)).toEqual({ state: 'declared', untilMs });
    expect(readMaintenance(storage, untilMs).state).toBe('none');
  });

  it('is replaced by a later one and ended at once, leaving nothing behind', () => {
    const storage = tempFolder();
    declareMaintenance(storage, NOW + MINUTE_MS);
    declareMaintenance(storage, NOW + 2 * MINUTE_MS);
    expect(readMaintenance(storage, NOW + MINUTE_MS).state).toBe('declared');
    endMaintenance(storage);
    endMaintenance(storage);
    expect(readdirSync(storage)).toEqual([]);
  });
});

describe('the command', () => {
  it.each([
    [['maintenance'], 'maintenance start DURATION'],
    [['maintenance', 'start'], 'a duration is needed, such as 30m, at most 7d'],
    [['maintenance', 'start', 'soon'], 'a duration is needed, such as 30m, at most 7d'],
    [['maintenance', 'start', '8d'], 'a duration is needed, such as 30m, at most 7d'],
    [['maintenance', 'stop', 'now'], 'maintenance start DURATION'],
    [['mantenance', 'stop'], 'did you mean maintenance?'],
  ])('refuses %j with what is allowed', async (args, remedy) => {
    const child = await command(tempFolder(), ...args);
    expect(child.ended).toBe(2);
    expect(child.output).toContain(remedy);
  });

  it('says so where the storage path is no folder', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    chmodSync(file, 0o600);
    const child = await command(tempFolder(), 'maintenance', 'start', '30m', `--storage.path=${file}`);
    expect(child.ended).toBe(2);
    expect(child.output).toContain('--storage.path');
  });

  it('is seen by the running exporter, start and stop', async () => {
    const home = tempFolder();
    const config = {
      gateway: { url: `ws://127.0.0.1:${await freePort()}` },
      collectors: { maintenance: { interval: '200ms' } },
    };
    const exporter = await Exporter.start({ env: { HOME: home }, config });
    const storage = `--storage.path=${exporter.storagePath}`;
    try {
      await exporter.untilMetrics('no maintenance', (series) => declared(series) === 0);
      expect((await command(home, 'maintenance', 'start', '30m', storage)).ended).toBe(0);
      await exporter.untilMetrics('the maintenance', (series) => declared(series) === 1);
      expect((await command(home, 'maintenance', 'stop', storage)).ended).toBe(0);
      await exporter.untilMetrics('its end', (series) => declared(series) === 0);
    } finally {
      await exporter.stop();
      exporter.remove();
    }
  });
});
