import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';

/**
 * `npm run drill`: sends one synthetic critical alert through a running Alertmanager to every receiver of its
 * route for drills, and reports what Alertmanager's own metrics say of each delivery.
 */
const USAGE = `npm run drill -- [--alertmanager=URL] [--wait=SECONDS]
  --alertmanager  the Alertmanager to try (default http://127.0.0.1:9093)
  --wait          how long a delivery may take (default 60)
`;
const DEFAULT_WAIT_SECONDS = 60;
const POLL_MS = 500;
/** The alert ends by itself where this program is interrupted. */
const VALID_MS = 10 * 60_000;
const REQUEST_TIMEOUT_MS = 10_000;

const status = z.object({ config: z.object({ original: z.string() }) });
const receivers = z.object({ receivers: z.array(z.object({ name: z.string() }).loose()) });
const heldAlerts = z.array(
  z.object({
    receivers: z.array(z.object({ name: z.string() })),
    status: z.object({ state: z.string() }),
  }),
);

/** Requests of one integration since Alertmanager started. */
interface Deliveries {
  readonly requests: number;
  readonly failed: number;
}

/** What became of the drill at one receiver. */
export interface DrillResult {
  readonly receiver: string;
  readonly integration: string;
  readonly outcome: 'delivered' | 'failed' | 'nothing sent';
  readonly detail: string;
}

interface Target {
  readonly receiver: string;
  readonly integration: string;
}

/**
 * Runs a drill and returns its results; `say` gets what a person must know before anything is sent. Throws
 * where Alertmanager cannot be reached or does not take the alert.
 */
export async function runDrill(
  alertmanager: string,
  waitMs: number,
  say: (text: string) => void,
): Promise<DrillResult[]> {
  const base = alertmanager.replace(/\/+$/, '');
  const integrations = parseReceivers(await getText(`${base}/api/v2/status`));
  const labels = {
    alertname: 'OpenClawDrill',
    incident: 'drill',
    severity: 'critical',
    repair_phase: '1',
    instance: `drill-${new Date().toISOString()}`,
  };
  say(`This drill notifies people: one synthetic critical alert, ${labels.instance}, marked as a drill.\n`);
  const before = parseDeliveries(await getText(`${base}/metrics`));
  await postDrill(base, labels, Date.now() + VALID_MS);
  try {
    const routed = await waitForRoute(base, labels.instance, waitMs);
    const targets = integrations.filter(({ receiver }) => routed.includes(receiver));
    return await waitForDeliveries(base, targets, before, waitMs);
  } finally {
    await postDrill(base, labels, Date.now());
  }
}

function parseReceivers(statusText: string): Target[] {
  const { config } = status.parse(JSON.parse(statusText));
  const parsed = receivers.parse(parse(config.original));
  return parsed.receivers.flatMap(({ name, ...own }) =>
    Object.entries(own)
      .filter(([key, configs]) => key.endsWith('_configs') && Array.isArray(configs) && configs.length > 0)
      .map(([key]) => ({ receiver: name, integration: key.slice(0, -'_configs'.length) })),
  );
}

/** Requests by integration, from Alertmanager's `/metrics`. */
export function parseDeliveries(metrics: string): ReadonlyMap<string, Deliveries> {
  const found = new Map<string, Deliveries>();
  const line =
    /^alertmanager_notification_requests_(failed_)?total\{(?:[^}]*,)?integration="(\w+)"[^}]*\} (\S+)$/gm;
  for (const [, failed, integration = '', value] of metrics.matchAll(line)) {
    const so = found.get(integration) ?? { requests: 0, failed: 0 };
    const key = failed === undefined ? 'requests' : 'failed';
    found.set(integration, { ...so, [key]: so[key] + Number(value) });
  }
  return found;
}

async function postDrill(
  base: string,
  labels: Readonly<Record<string, string>>,
  endsAt: number,
): Promise<void> {
  const annotations = {
    summary: `DRILL, not an outage: ${labels.instance}`,
    description:
      'A test of the way from Alertmanager to you, sent by `npm run drill`. No gateway is concerned.',
    next_step: 'nothing; confirm that this arrived',
    runbook_url: 'https://prometheus.io/docs/alerting/latest/alertmanager/',
  };
  const response = await fetch(`${base}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ labels, annotations, endsAt: new Date(endsAt).toISOString() }]),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`Alertmanager refused the alert: ${await response.text()}`);
}

/** Names of the receivers the alert was routed to. Throws where a silence or an inhibition holds it back. */
async function waitForRoute(base: string, instance: string, waitMs: number): Promise<string[]> {
  const filter = encodeURIComponent(`instance="${instance}"`);
  const end = performance.now() + waitMs;
  while (performance.now() < end) {
    const [held] = heldAlerts.parse(JSON.parse(await getText(`${base}/api/v2/alerts?filter=${filter}`)));
    if (held?.status.state === 'suppressed') {
      throw new Error('a silence or an inhibition suppresses the drill; see the page of silences');
    }
    if (held?.status.state === 'active') return held.receivers.map(({ name }) => name);
    await pause(POLL_MS);
  }
  throw new Error('Alertmanager took the alert and does not show it');
}

async function waitForDeliveries(
  base: string,
  targets: readonly Target[],
  before: ReadonlyMap<string, Deliveries>,
  waitMs: number,
): Promise<DrillResult[]> {
  const end = performance.now() + waitMs;
  for (;;) {
    const now = parseDeliveries(await getText(`${base}/metrics`));
    const results = targets.map((target) => judge(target, targets, before, now));
    const isOver = results.every(({ outcome }) => outcome !== 'nothing sent') || performance.now() >= end;
    if (isOver) return results;
    await pause(POLL_MS);
  }
}

/** Alertmanager counts by integration: receivers that share one are judged together. */
function judge(
  { receiver, integration }: Target,
  targets: readonly Target[],
  before: ReadonlyMap<string, Deliveries>,
  now: ReadonlyMap<string, Deliveries>,
): DrillResult {
  const wanted = targets.filter((one) => one.integration === integration).length;
  const since = (key: keyof Deliveries) =>
    (now.get(integration)?.[key] ?? 0) - (before.get(integration)?.[key] ?? 0);
  const failed = since('failed');
  const succeeded = since('requests') - failed;
  const detail = `${succeeded} of ${wanted} by ${integration} accepted, ${failed} failed`;
  if (failed > 0) return { receiver, integration, outcome: 'failed', detail };
  return { receiver, integration, outcome: succeeded >= wanted ? 'delivered' : 'nothing sent', detail };
}

async function getText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

/** The exit code: 0 where every receiver got the drill, 1 where one did not, 2 where it could not be run. */
async function main(args: readonly string[]): Promise<number> {
  let options: { readonly alertmanager: string; readonly waitMs: number };
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  try {
    const results = await runDrill(options.alertmanager, options.waitMs, (text) =>
      process.stdout.write(text),
    );
    for (const { receiver, outcome, detail } of results) {
      process.stdout.write(`${receiver}: ${outcome} (${detail})\n`);
    }
    if (results.length === 0)
      process.stdout.write('no receiver: the configuration has no route for drills\n');
    return results.length > 0 && results.every(({ outcome }) => outcome === 'delivered') ? 0 : 1;
  } catch (error) {
    process.stderr.write(`drill failed: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

function parseOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { alertmanager: { type: 'string' }, wait: { type: 'string' } },
  });
  const url = z.url({ protocol: /^https?$/ }).safeParse(values.alertmanager ?? 'http://127.0.0.1:9093');
  if (!url.success) throw new Error('--alertmanager wants a URL such as http://127.0.0.1:9093');
  const wait = z.coerce
    .number()
    .positive()
    .safeParse(values.wait ?? DEFAULT_WAIT_SECONDS);
  if (!wait.success) throw new Error('--wait wants a number of seconds');
  return { alertmanager: url.data, waitMs: wait.data * 1000 };
}

if (process.argv[1] === import.meta.filename) process.exitCode = await main(process.argv.slice(2));
