import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { rewriteAlertmanagerConfig } from './alertmanager-config.ts';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

const notification = z.object({
  receiver: z.string(),
  status: z.enum(['firing', 'resolved']),
  groupKey: z.string(),
  groupLabels: z.record(z.string(), z.string()),
  alerts: z.array(z.object({ status: z.string(), labels: z.record(z.string(), z.string()) })),
});

/** One webhook call of Alertmanager's, and when it came (Unix time in milliseconds). */
export type Notification = z.output<typeof notification> & { readonly at: number };
export type Labels = Readonly<Record<string, string>>;

const pagerDutyEvent = z.object({
  event_action: z.enum(['trigger', 'resolve']),
  payload: z.object({ summary: z.string(), custom_details: z.record(z.string(), z.string()) }),
});
const slackMessage = z.object({
  attachments: z.array(z.object({ title: z.string(), text: z.string().default('') })).min(1),
});

/** A message as a person reads it, from a receiver's own integration. */
export interface Message {
  readonly receiver: string;
  readonly title: string;
  readonly text: string;
  /** Unix time in milliseconds. */
  readonly at: number;
}

export interface AlertmanagerOptions {
  /** The file's own timers divided by it; timers as short as can be without it. */
  readonly divideTimersBy?: number;
  /** Each receiver also sends its own PagerDuty and Slack messages; they are in `messages`. */
  readonly keepIntegrations?: boolean;
  /** What the recorder answers a receiver; 200 unless given. */
  readonly answer?: (receiver: string) => number;
}

/**
 * A real Alertmanager with the routes, groups and inhibitions of a configuration file. Only its timers are short and
 * each receiver is a webhook here.
 */
export class Alertmanager {
  readonly notifications: Notification[] = [];
  readonly messages: Message[] = [];
  readonly #child: Child;
  readonly #server: Server;
  readonly url: string;
  readonly #folder: string;
  #sentinels = 0;

  private constructor(child: Child, server: Server, url: string, folder: string) {
    this.#child = child;
    this.#server = server;
    this.url = url;
    this.#folder = folder;
  }

  static async start(configFile: string, options: AlertmanagerOptions = {}): Promise<Alertmanager> {
    const { answer = () => 200, ...rewrite } = options;
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-alertmanager-'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: recorder } = server.address() as AddressInfo;
    const file = join(folder, 'alertmanager.yml');
    const text = readFileSync(configFile, 'utf8');
    writeFileSync(file, rewriteAlertmanagerConfig(text, { ...rewrite, recorder, folder }));
    const port = await freePort();
    const child = new Child('prometheus-alertmanager', [
      `--config.file=${file}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ]);
    const alertmanager = new Alertmanager(child, server, `http://127.0.0.1:${port}`, folder);
    server.on('request', (request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        const [, kind = '', receiver = kind] = (request.url ?? '').split('/');
        const status = answer(receiver);
        if (status < 300) alertmanager.#record(kind, receiver, JSON.parse(body));
        response.writeHead(status).end();
      });
    });
    await until(async () => (await fetch(`${alertmanager.url}/-/ready`)).ok, {
      what: 'Alertmanager to be ready',
    });
    return alertmanager;
  }

  #record(kind: string, receiver: string, body: unknown): void {
    const at = Date.now();
    if (kind !== 'message') {
      this.notifications.push({ ...notification.parse(body), at });
      return;
    }
    const event = pagerDutyEvent.safeParse(body);
    if (event.success) {
      const { summary, custom_details } = event.data.payload;
      this.messages.push({ receiver, title: summary, text: custom_details.state ?? '', at });
      return;
    }
    const [first] = slackMessage.parse(body).attachments;
    this.messages.push({ receiver, title: first?.title ?? '', text: first?.text ?? '', at });
  }

  /** host:port */
  get address(): string {
    return new URL(this.url).host;
  }

  /** Reports alerts as firing, or as over. */
  async post(alerts: readonly Labels[], state: 'firing' | 'resolved' = 'firing'): Promise<void> {
    // Alertmanager does not wait for a group's other alerts, nor for what would silence it, when one began long ago.
    const now = new Date().toISOString();
    const body = alerts.map((labels) => ({
      labels,
      startsAt: now,
      ...(state === 'resolved' ? { endsAt: now } : {}),
    }));
    const answer = await fetch(`${this.url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`Alertmanager refused the alerts: ${await answer.text()}`);
  }

  /** Silences what carries these labels, from now on for so long. */
  async silence(labels: Labels, ms: number): Promise<void> {
    const matchers = Object.entries(labels).map(([name, value]) => ({ name, value, isRegex: false }));
    const [startsAt, endsAt] = [Date.now(), Date.now() + ms].map((time) => new Date(time).toISOString());
    const body = JSON.stringify({ matchers, startsAt, endsAt, createdBy: 'test', comment: 'test' });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}/api/v2/silences`, { method: 'POST', headers, body });
    if (!answer.ok) throw new Error(`Alertmanager refused the silence: ${await answer.text()}`);
  }

  /**
   * Waits until everything reported so far has had its chance: an alert of its own, reported after it, has come
   * through first as a new group and then as a change of that group.
   */
  async settled(): Promise<void> {
    this.#sentinels += 1;
    const instance = `sentinel-${this.#sentinels}`;
    for (const repair_phase of ['1', '2']) {
      const alert = {
        alertname: 'Sentinel',
        incident: 'sentinel',
        severity: 'critical',
        instance,
        repair_phase,
      };
      await this.post([alert]);
      await until(() => this.about(instance).some((one) => phasesOf(one).includes(repair_phase)), {
        what: 'the sentinel alert',
        timeoutMs: 20_000,
      });
    }
  }

  /** Notifications about one instance, in order. */
  about(instance: string): Notification[] {
    return this.notifications.filter(({ groupLabels }) => groupLabels.instance === instance);
  }

  /** Pages about one instance: firing notifications from `page` for a group that was not firing already. */
  pages(instance: string): Notification[] {
    const open = new Set<string>();
    return this.about(instance).filter(({ receiver, status, groupKey }) => {
      if (receiver !== 'page') return false;
      const isNew = status === 'firing' && !open.has(groupKey);
      if (status === 'firing') open.add(groupKey);
      else open.delete(groupKey);
      return isNew;
    });
  }

  /** Incidents of one instance that paged and have not been told to be over. */
  openPages(instance: string): string[] {
    const open = new Map<string, string>();
    for (const { receiver, status, groupKey, groupLabels } of this.about(instance)) {
      if (receiver !== 'page') continue;
      if (status === 'firing') open.set(groupKey, groupLabels.incident ?? '');
      else open.delete(groupKey);
    }
    return [...open.values()];
  }

  async stop(): Promise<void> {
    await this.#child.end('SIGTERM');
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The repair phases that fire in a notification. */
export function phasesOf({ alerts }: Notification): string[] {
  return alerts
    .filter(({ status }) => status === 'firing')
    .map(({ labels }) => labels.repair_phase ?? '')
    .toSorted();
}
