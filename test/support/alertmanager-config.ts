import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { duration } from '../../src/config/duration.ts';

const node = z.record(z.string(), z.unknown());
type Node = z.output<typeof node>;
const configuration = z.object({
  route: node,
  receivers: z.array(z.object({ name: z.string() }).loose()),
  inhibit_rules: z.array(z.unknown()).optional(),
});

/** How a configuration for people becomes one for a test. */
export interface RewriteOptions {
  /** Port on 127.0.0.1 of the server that records what is sent. */
  readonly recorder: number;
  /** The file's own timers divided by this; timers as short as can be without it. */
  readonly divideTimersBy?: number | undefined;
  /**
   * Each receiver also sends its own integrations, their addresses and secrets replaced, to `/message/NAME`.
   */
  readonly keepIntegrations?: boolean;
  /** Where files with secrets are put. */
  readonly folder: string;
}

const GROUP_WAIT = '400ms';
const GROUP_INTERVAL = '1s';
const TIMERS = ['group_wait', 'group_interval', 'repeat_interval'] as const;
const timer = duration(0);

/**
 * The same routes, groups and inhibitions; every receiver becomes a webhook of the recorder, at the path of
 * its name (`nobody` stays without).
 */
export function rewriteAlertmanagerConfig(text: string, options: RewriteOptions): string {
  const config = configuration.parse(parse(text));
  return stringify({
    route: rewriteRoute(config.route, options.divideTimersBy),
    receivers: config.receivers.map((receiver) => rewriteReceiver(receiver, options)),
    ...(config.inhibit_rules === undefined ? {} : { inhibit_rules: config.inhibit_rules }),
  });
}

function rewriteReceiver(receiver: Node & { name: string }, options: RewriteOptions): Node {
  const { name } = receiver;
  if (name === 'nobody') return { name };
  const webhook = { url: `http://127.0.0.1:${options.recorder}/${name}`, send_resolved: true };
  const own = options.keepIntegrations === true ? integrationsFor(receiver, options) : {};
  return { name, ...own, webhook_configs: [webhook] };
}

/** The receiver's PagerDuty and Slack integrations, sent to the recorder. */
function integrationsFor({ name, ...own }: Node & { name: string }, options: RewriteOptions): Node {
  const url = `http://127.0.0.1:${options.recorder}/message/${name}`;
  const secret = join(options.folder, `${name}-secret`);
  writeFileSync(secret, url);
  const configs = z.array(node).optional();
  const pagerduty = configs.parse(own.pagerduty_configs);
  const slack = configs.parse(own.slack_configs);
  return {
    ...(pagerduty === undefined
      ? {}
      : { pagerduty_configs: pagerduty.map((one) => ({ ...one, url, routing_key_file: secret })) }),
    ...(slack === undefined ? {} : { slack_configs: slack.map((one) => ({ ...one, api_url_file: secret })) }),
  };
}

function rewriteRoute(route: Node, divideTimersBy: number | undefined): Node {
  const routes = z.array(node).optional().parse(route.routes);
  const timers =
    divideTimersBy === undefined
      ? { group_wait: GROUP_WAIT, group_interval: GROUP_INTERVAL, repeat_interval: '4h' }
      : dividedTimers(route, divideTimersBy);
  return {
    ...route,
    ...timers,
    ...(routes === undefined ? {} : { routes: routes.map((one) => rewriteRoute(one, divideTimersBy)) }),
  };
}

function dividedTimers(route: Node, by: number): Node {
  const given = TIMERS.filter((key) => route[key] !== undefined);
  return Object.fromEntries(given.map((key) => [key, `${Math.round(timer.parse(route[key]) / by)}ms`]));
}
