import { describe, expect, it, onTestFinished } from 'vitest';
import { renderHistory } from '../../../../src/cli/history/render.ts';
import type { History } from '../../../../src/diagnosis/journal/history.ts';

const HISTORY: History = {
  version: 1,
  from: '2026-11-26T08:00:00.000Z',
  to: '2026-11-27T08:00:00.000Z',
  gaps: [{ from: '2026-11-26T20:00:00.000Z', to: '2026-11-26T23:00:00.000Z' }],
  incidents: [
    {
      from: '2026-11-27T07:39:00.000Z',
      to: '2026-11-27T08:02:00.000Z',
      severity: 'critical',
      cause: 'authentication',
      layer: 'token',
      subject: 'gateway',
      text: 'token of openclaw.json refused',
      detail: 'unauthorized\u001b[2J',
      times: 2,
      endNotSeen: false,
      runsMeanwhile: 3,
    },
  ],
  events: [{ at: '2026-11-27T08:01:00.000Z', kind: 'restart', text: 'the gateway started anew' }],
  changes: [
    {
      from: '2026-11-27T07:39:00.000Z',
      to: '2026-11-27T07:39:00.000Z',
      layer: 'token',
      subject: '',
      before: 'ok',
      after: 'bad',
      count: 1,
      text: 'gateway: refused',
    },
    {
      from: '2026-11-27T07:39:00.000Z',
      to: '2026-11-27T07:39:00.000Z',
      layer: 'token',
      subject: 'gateway',
      before: 'ok',
      after: 'bad',
      count: 1,
      text: 'refused',
    },
    {
      from: '2026-11-27T03:00:00.000Z',
      to: '2026-11-27T03:25:00.000Z',
      layer: 'network',
      subject: 'host macbook',
      before: 'ok',
      after: 'ok',
      count: 12,
      text: 'a command ran',
    },
  ],
  jobs: [
    {
      id: 'a',
      name: 'backup',
      failed: 2,
      missed: 1,
      firstHour: '2026-11-27T03:00:00.000Z',
      lastHour: '2026-11-27T05:00:00.000Z',
      error: 'disk full',
    },
  ],
  runs: [],
};

function inZone(zone: string): string {
  const before = process.env.TZ;
  process.env.TZ = zone;
  onTestFinished(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });
  return renderHistory(HISTORY);
}

describe('a history in the terminal', () => {
  it('tells an incident with begin, end, cause and evidence in this machine’s time zone, with its offset', () => {
    const text = inZone('Europe/Berlin');
    expect(text).toContain('2026-11-27 08:39 +01:00 to 09:02 (23 min)  critical: authentication');
    expect(text).toContain('gateway: token of openclaw.json refused');
    expect(text).toContain('it began 2 times; 3 runs of jobs meanwhile');
    expect(inZone('America/St_Johns')).toContain('2026-11-27 04:09 -03:30 to 04:32');
  });

  it('says what is unknown, which jobs failed, and what flapped', () => {
    const text = inZone('UTC');
    expect(text).toContain('Unknown: the exporter did not run\n  2026-11-26 20:00 +00:00 to 23:00 (3 h)');
    expect(text).toContain('backup: 2 failed, 1 missed');
    expect(text).toContain('it reported: disk full');
    expect(text).toContain('Network, host macbook: flapping, 12 changes until 03:25, then ok');
  });

  it('says once what a layer and the subject that decides for it share', () => {
    expect(inZone('UTC').match(/ok to bad/g)?.length).toBe(1);
  });

  it('cannot be made to steer a terminal by the text of another program', () => {
    expect(inZone('UTC')).not.toContain('\u001b');
  });

  it('says so where nothing happened', () => {
    const nothing = { ...HISTORY, incidents: [], events: [], changes: [], jobs: [], gaps: [] };
    expect(renderHistory(nothing)).toContain('Incidents\n  none');
  });
});
