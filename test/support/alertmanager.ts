import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { duration } from '../../src/config/duration.ts';
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

/** One webhook call of Alertmanager's. */
export type Notification = z.output<typeof notification>;
export type Labels = Readonly<Record<string, string>>;

const route: z.ZodType<Record<string, unknown>> = z.record(z.string(), z.unknown());
const configuration = z.object({
  route,
  receivers: z.array(z.object({ name: z.string() }).loose()),
  inhibit_rules: z.array(z.unknown()),
});

const GROUP_WAIT = '400ms';
const GROUP_INTERVAL = '1s';

/**
 * A real Alertmanager with the routes, groups and inhibitions of a configuration file. Only its timers are short and
 * each receiver is a webhook here.
 */
export class Alertmanager {
  readonly notifications: Notification[] = [];
  readonly #child: Child;
  readonly #server: Server;
  readonly #url: string;
  readonly #folder: string;
  #sentinels = 0;

  private constructor(child: Child, server: Server, url: string, folder: string) {
    this.#child = child;
    this.#server = server;
    this.#url = url;
    this.#folder = folder;
  }

  /** With `divideTimersBy`, the file's own timers divided by it; else timers as short as can be. */
  static async start(configFile: string, divideTimersBy?: number): Promise<Alertmanager> {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-alertmanager-'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: webhook } = server.address() as AddressInfo;
    const file = join(folder, 'alertmanager.yml');
    writeFileSync(file, stringify(forTests(readFileSync(configFile, 'utf8'), webhook, divideTimersBy)));
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
        alertmanager.notifications.push(notification.parse(JSON.parse(body)));
        response.end();
      });
    });
    await until(async () => (await fetch(`${alertmanager.#url}/-/ready`)).ok, {
      what: 'Alertmanager to be ready',
    });
    return alertmanager;
  }

  /** host:port */
  get address(): string {
    return new URL(this.#url).host;
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
    const answer = await fetch(`${this.#url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`Alertmanager refused the alerts: ${await answer.text()}`);
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

function forTests(text: string, webhook: number, divideTimersBy?: number): unknown {
  const config = configuration.parse(parse(text));
  const root = divideTimersBy === undefined ? hurried(config.route) : scaled(config.route, divideTimersBy);
  return {
    route: root,
    receivers: config.receivers.map(({ name }) => ({
      name,
      ...(name === 'nobody'
        ? {}
        : { webhook_configs: [{ url: `http://127.0.0.1:${webhook}/${name}`, send_resolved: true }] }),
    })),
    inhibit_rules: config.inhibit_rules,
  };
}

const TIMERS = ['group_wait', 'group_interval', 'repeat_interval'] as const;
const timer = duration(0);

function scaled(node: Record<string, unknown>, by: number): Record<string, unknown> {
  const routes = z.array(route).optional().parse(node.routes);
  const timers = TIMERS.filter((key) => node[key] !== undefined).map((key) => [
    key,
    `${Math.round(timer.parse(node[key]) / by)}ms`,
  ]);
  return {
    ...node,
    ...Object.fromEntries(timers),
    ...(routes === undefined ? {} : { routes: routes.map((one) => scaled(one, by)) }),
  };
}

function hurried(node: Record<string, unknown>): Record<string, unknown> {
  const routes = z.array(route).optional().parse(node.routes);
  return {
    ...node,
    group_wait: GROUP_WAIT,
    group_interval: GROUP_INTERVAL,
    repeat_interval: '4h',
    ...(routes === undefined ? {} : { routes: routes.map(hurried) }),
  };
}
