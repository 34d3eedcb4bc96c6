import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installed } from '../support/promtool.ts';
import { playWindows } from '../year/play.ts';
import { type Kind, yearWindows } from '../year/windows.ts';

const prometheus = join(import.meta.dirname, '..', '..', 'prometheus');
const PLAYED = {
  rules: join(prometheus, 'rules', '[^dh]*.yml'),
  alertmanager: join(prometheus, 'alertmanager.yml'),
};
const KINDS: readonly Kind[] = ['outage', 'nightly update', 'monthly reboot', 'token rotation'];

describe.skipIf(!installed('promtool'))(
  'a share of the year (skipped where promtool is not installed)',
  () => {
    it('pages once for an outage, and not for an update, a reboot or a rotation', async () => {
      const windows = KINDS.flatMap((kind) => yearWindows().find((window) => window.kind === kind) ?? []);
      const outcomes = await playWindows(windows, PLAYED);
      expect(outcomes.map(({ window, pages }) => [window.kind, pages])).toEqual([
        ['outage', 1],
        ['nightly update', 0],
        ['monthly reboot', 0],
        ['token rotation', 0],
      ]);
    }, 900_000);
  },
);
