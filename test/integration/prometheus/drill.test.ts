import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseDeliveries } from '../../../prometheus/drill.ts';
import { Alertmanager, type AlertmanagerOptions } from '../../support/alertmanager.ts';
import { freePort } from '../../support/ports.ts';
import { installed, runProgram } from '../../support/promtool.ts';
import { until } from '../../support/until.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const DISABLE_WARNING = '--disable-warning=ExperimentalWarning';

async function startAlertmanager(options: AlertmanagerOptions = {}): Promise<Alertmanager> {
  const config = join(ROOT, 'prometheus/alertmanager.yml');
  const alertmanager = await Alertmanager.start(config, { keepIntegrations: true, ...options });
  onTestFinished(() => alertmanager.stop());
  return alertmanager;
}

const drill = (...args: readonly string[]) =>
  runProgram(process.execPath, [DISABLE_WARNING, join(ROOT, 'prometheus/drill.ts'), ...args]);

describe.skipIf(!installed('prometheus-alertmanager'))('a drill', () => {
  it('reaches page, chat and ticket, marked as a drill, and is over afterwards', async () => {
    const alertmanager = await startAlertmanager();
    const { ok, output } = await drill(`--alertmanager=${alertmanager.url}/`);
    expect(output).toMatch(/^page: delivered/m);
    expect(output).toMatch(/^chat: delivered/m);
    expect(output).toMatch(/^ticket: delivered/m);
    expect(ok).toBe(true);
    for (const receiver of ['page', 'chat']) {
      const [first] = alertmanager.messages.filter((one) => one.receiver === receiver);
      expect(first?.title).toMatch(/^DRILL, not an outage/);
    }
    const receivers = new Set(alertmanager.notifications.map((one) => one.receiver));
    expect(receivers).toEqual(new Set(['page', 'chat', 'ticket']));
    await until(() => alertmanager.notifications.filter(({ status }) => status === 'resolved').length === 3, {
      what: 'the end of the drill at each receiver',
    });
  });

  it('says which receiver refused, and fails', async () => {
    const alertmanager = await startAlertmanager({ answer: (name) => (name === 'chat' ? 403 : 200) });
    const { ok, output } = await drill(`--alertmanager=${alertmanager.url}`, '--wait=20');
    expect(output).toMatch(/^page: delivered \(1 of 1 by pagerduty/m);
    expect(output).toMatch(/^chat: failed \(0 of 1 by slack/m);
    expect(ok).toBe(false);
  });

  it('says that a silence holds it back', async () => {
    const alertmanager = await startAlertmanager();
    await alertmanager.silence({ severity: 'critical' }, 60_000);
    const { ok, output } = await drill(`--alertmanager=${alertmanager.url}`, '--wait=5');
    expect(output).toContain('a silence or an inhibition suppresses the drill');
    expect(ok).toBe(false);
  });
});

describe('the command', () => {
  it('says that Alertmanager cannot be reached', async () => {
    const { ok, output } = await drill(`--alertmanager=http://127.0.0.1:${await freePort()}`);
    expect(output).toMatch(/^drill failed: /);
    expect(ok).toBe(false);
  });

  it.each([['--alertmanager=ftp://x'], ['--wait=soon'], ['--unknown']])('refuses %s', async (flag) => {
    const { ok, output } = await drill(flag);
    expect(output).toContain('npm run drill');
    expect(ok).toBe(false);
  });
});

describe("Alertmanager's metrics", () => {
  it('are summed by integration, whatever other labels there are', () => {
    const text = [
      'alertmanager_notification_requests_total{integration="slack"} 3',
      'alertmanager_notification_requests_failed_total{integration="slack"} 1',
      'alertmanager_notification_requests_total{integration="webhook",receiver_name="a"} 2',
      'alertmanager_notification_requests_total{integration="webhook",receiver_name="b"} 4',
    ].join('\n');
    expect(Object.fromEntries(parseDeliveries(text))).toEqual({
      slack: { requests: 3, failed: 1 },
      webhook: { requests: 6, failed: 0 },
    });
  });
});
