import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { rewriteAlertmanagerConfig } from './alertmanager-config.ts';
import { AlertmanagerProcess, type Labels } from './alertmanager-process.ts';
import { HttpRecorder } from './http-recorder.ts';
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
export type { Labels };

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
 * A real Alertmanager with the routes, groups and inhibitions of a configuration file. Only its timers are
 * short and each receiver is a webhook here.
 */
export class Alertmanager {
  readonly notifications: Notification[] = [];
  readonly messages: Message[] = [];
  readonly #process: AlertmanagerProcess;
  readonly #recorder: HttpRecorder;
  #sentinels = 0;

  private constructor(started: AlertmanagerProcess, recorder: HttpRecorder) {
    this.#process = started;
    this.#recorder = recorder;
  }

  static async start(configFile: string, options: AlertmanagerOptions = {}): Promise<Alertmanager> {
    const { answer = () => 200, ...rewrite } = options;
    let take: (kind: string, receiver: string, body: unknown) => void = () => undefined;
    const recorder = await HttpRecorder.start(({ url, body }) => {
      const [, kind = '', receiver = kind] = url.split('/');
      const status = answer(receiver);
      if (status < 300) take(kind, receiver, JSON.parse(body));
      return { status };
    });
    const text = readFileSync(configFile, 'utf8');
    const started = await AlertmanagerProcess.start((folder) =>
      rewriteAlertmanagerConfig(text, { ...rewrite, recorder: recorder.port, folder }),
    );
    const alertmanager = new Alertmanager(started, recorder);
    take = (kind, receiver, body) => alertmanager.#record(kind, receiver, body);
    return alertmanager;
  }

  get url(): string {
    return this.#process.url;
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
    // Alertmanager does not wait for a group's other alerts, nor for what would silence
    // it, when one began long ago.
    const now = new Date().toISOString();
    await this.#process.post(
      alerts.map((labels) => ({
        labels,
        startsAt: now,
        ...(state === 'resolved' ? { endsAt: now } : {}),
      })),
    );
  }

  /** Silences what carries these labels, from now on for so long. */
  silence(labels: Labels, ms: number): Promise<void> {
    return this.#process.silence(labels, ms);
  }

  /**
   * Waits until everything reported so far has had its chance: an alert of its own, reported after it, has
   * come through first as a new group and then as a change of that group.
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
    await this.#process.stop();
    await this.#recorder.stop();
  }
}

/** The repair phases that fire in a notification. */
export function phasesOf({ alerts }: Notification): string[] {
  return alerts
    .filter(({ status }) => status === 'firing')
    .map(({ labels }) => labels.repair_phase ?? '')
    .toSorted();
}
