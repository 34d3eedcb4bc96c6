import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../support/temp-folder.ts';
import { type Labels, Notifications } from '../../year/notifications.ts';

const CONFIG = `
route:
  receiver: chat
  group_by: [instance, incident]
  group_wait: 30s
  group_interval: 2m
  repeat_interval: 12h
  routes:
    - matchers: [severity="critical"]
      receiver: page
      repeat_interval: 4h
inhibit_rules:
  - source_matchers: [incident="exporter-down"]
    target_matchers: [incident=~"gateway-.*"]
    equal: [instance]
`;

function notifications(): Notifications {
  const file = join(tempFolder(), 'alertmanager.yml');
  writeFileSync(file, CONFIG);
  return new Notifications(file);
}

const DOWN: Labels = { alertname: 'Down', instance: 'g', incident: 'gateway-down', severity: 'critical' };
const SLOW: Labels = { alertname: 'Slow', instance: 'g', incident: 'slow', severity: 'warning' };
const EXPORTER: Labels = { alertname: 'X', instance: 'g', incident: 'exporter-down', severity: 'critical' };

/** Plays minutes 0 to `until`; `firing` says what fires at each. */
function play(until: number, firing: (minute: number) => readonly Labels[]) {
  const played = notifications();
  for (let minute = 0; minute <= until; minute += 1) played.advance(minute, firing(minute));
  return played.sent.map(({ minute, receiver, status, group }) => [minute, receiver, status, group.incident]);
}

describe('messages computed from alerts', () => {
  it('go to the receiver of their severity, after the wait of the group, and again when they end', () => {
    expect(play(20, (minute) => (minute >= 5 && minute < 10 ? [DOWN, SLOW] : []))).toEqual([
      [6, 'page', 'firing', 'gateway-down'],
      [6, 'chat', 'firing', 'slow'],
      [10, 'page', 'resolved', 'gateway-down'],
      [10, 'chat', 'resolved', 'slow'],
    ]);
  });

  it('are repeated once the interval of their route is over', () => {
    const sent = play(500, () => [DOWN, SLOW]);
    expect(sent.filter(([, receiver]) => receiver === 'page').map(([minute]) => minute)).toEqual([
      1, 241, 481,
    ]);
    expect(sent.filter(([, receiver]) => receiver === 'chat')).toHaveLength(1);
  });

  it('are not sent of what ends or begins anew while it is inhibited, and not at the next beginning', () => {
    const sent = play(60, (minute) => [
      ...(minute < 12 || minute >= 30 ? [DOWN] : []),
      ...(minute >= 10 && minute < 20 ? [EXPORTER] : []),
    ]);
    expect(sent.filter(([, , , incident]) => incident === 'gateway-down')).toEqual([
      [1, 'page', 'firing', 'gateway-down'],
    ]);
  });
});
