import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { AlertmanagerConfig } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1alpha1';
import { parse } from 'yaml';
import { z } from 'zod';
import { LABELS, NAME } from './common.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/**
 * Secret with the receivers' keys: `pagerduty-routing-key`, `slack-webhook-url`,
 * `ticket-token`, `heartbeat-token`.
 */
const RECEIVERS_SECRET = 'openclaw-alert-receivers';

const matchers = z.array(z.string()).default([]);
const routeSchema = z.object({
  receiver: z.string(),
  matchers,
  group_by: z.array(z.string()).optional(),
  group_wait: z.string().optional(),
  group_interval: z.string().optional(),
  repeat_interval: z.string().optional(),
  continue: z.boolean().optional(),
});
const alertmanagerSchema = z.object({
  route: routeSchema.extend({ routes: z.array(routeSchema) }),
  receivers: z.array(z.object({ name: z.string() })),
  inhibit_rules: z
    .array(z.object({ source_matchers: matchers, target_matchers: matchers, equal: z.array(z.string()) }))
    .default([]),
});
type RouteConfig = z.output<typeof routeSchema>;

/** The rules as `npm run rules` writes them for the Prometheus operator, with their schema. */
export function prometheusRule(): PrometheusRule {
  const manifest: unknown = parse(
    readFileSync(join(root, 'prometheus', 'kubernetes', 'prometheusrule.yml'), 'utf8'),
  );
  return new PrometheusRule(ruleManifest.parse(manifest));
}

/** The schema of the kind itself is checked by `validate()`. */
const ruleManifest = z.custom<ConstructorParameters<typeof PrometheusRule>[0]>(
  (value) => typeof value === 'object' && value !== null,
);

/**
 * Routes and inhibitions of `prometheus/alertmanager.yml`, with receivers that read their keys from a Secret.
 */
export function alertmanagerConfig(): AlertmanagerConfig {
  const text = readFileSync(join(root, 'prometheus', 'alertmanager.yml'), 'utf8');
  const { route, receivers, inhibit_rules: inhibitions } = alertmanagerSchema.parse(parse(text));
  return new AlertmanagerConfig({
    metadata: { name: NAME, labels: LABELS },
    spec: {
      route: { ...toRoute(route), routes: route.routes.map((one) => ({ ...toRoute(one) })) },
      receivers: receivers.map(({ name }) => ({ name, ...RECEIVERS[name] })),
      inhibitRules: inhibitions.map(({ source_matchers: source, target_matchers: target, equal }) => ({
        sourceMatch: source.map(toMatcher),
        targetMatch: target.map(toMatcher),
        equal,
      })),
    },
  });
}

function toRoute({ receiver, matchers: texts, ...times }: RouteConfig) {
  return {
    receiver,
    ...(texts.length === 0 ? {} : { matchers: texts.map(toMatcher) }),
    ...(times.group_by === undefined ? {} : { groupBy: times.group_by }),
    ...(times.group_wait === undefined ? {} : { groupWait: times.group_wait }),
    ...(times.group_interval === undefined ? {} : { groupInterval: times.group_interval }),
    ...(times.repeat_interval === undefined ? {} : { repeatInterval: times.repeat_interval }),
    ...(times.continue === undefined ? {} : { continue: times.continue }),
  };
}

const MATCHER = /^(?<name>[a-zA-Z_]\w*)\s*(?<matchType>=~|!~|!=|=)\s*"(?<value>[^"]*)"$/;
const matchType = z.enum(['=', '=~', '!=', '!~']);

/** Throws on a matcher that is not of the form `name="value"`. */
function toMatcher(text: string) {
  const groups = MATCHER.exec(text)?.groups;
  if (groups === undefined)
    throw new Error(`prometheus/alertmanager.yml: matcher ${text} is not name="value"`);
  return {
    name: groups.name ?? '',
    value: groups.value ?? '',
    matchType: matchType.parse(groups.matchType),
  };
}

function secretKey(key: string) {
  return { name: RECEIVERS_SECRET, key };
}

function webhook(url: string, key: string) {
  return {
    webhookConfigs: [{ url, httpConfig: { authorization: { credentials: secretKey(key) } } }],
  };
}

/** Receivers by the names of `prometheus/alertmanager.yml`; one that is not here receives nothing. */
const RECEIVERS: Readonly<Record<string, object>> = {
  page: { pagerdutyConfigs: [{ routingKey: secretKey('pagerduty-routing-key'), sendResolved: true }] },
  chat: { slackConfigs: [{ apiURL: secretKey('slack-webhook-url'), sendResolved: true }] },
  ticket: webhook('http://tickets.monitoring.svc/openclaw', 'ticket-token'),
  heartbeat: webhook('http://heartbeat.monitoring.svc/openclaw', 'heartbeat-token'),
};
