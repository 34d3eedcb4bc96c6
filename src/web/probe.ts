import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import type { Evidence } from '../core/collector.ts';
import { OTHER_MACHINE } from '../diagnosis/machine.ts';
import { nextStep } from '../diagnosis/repair.ts';
import type { Clock } from '../lib/clock.ts';
import { PROBE_MODULES, type ProbeModuleName, type ProbeResult } from '../lib/vocabulary.ts';
import { CONTENT_TYPES, type Format } from '../metrics/exposition.ts';
import { gauge } from '../metrics/family.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { ProbeModule, ProbeOutcome, ProbeTarget } from '../probe/probe.ts';
import type { Probes } from '../probe/probes.ts';
import { negotiate } from './accept.ts';

/** What `/probe` needs beside the request. */
export interface ProbeOptions {
  readonly clock: Clock;
  /** Those of the configuration in force. */
  readonly probes: () => Probes;
  readonly count: (module: ProbeModuleName, result: ProbeResult) => void;
}

const success = gauge(
  'probe_success',
  'Whether the target answered as it should: a gateway with openclaw_gateway_up 1, an SSH host where nothing failed.',
  { meaning: { absent: 'the collection failed', zero: 'the target is down', one: 'it works' } },
);
const duration = gauge('probe_duration_seconds', 'How long the probe took, waiting for its turn included.', {
  meaning: { absent: 'the collection failed' },
});

/** Where the caller says nothing: Prometheus' own default. */
const DEFAULT_TIMEOUT_SECONDS = 10;
const MAX_TIMEOUT_SECONDS = 60;
/** What is left of the caller's time for the way there and back. */
const MARGIN_SECONDS = 0.5;
const MIN_TIMEOUT_SECONDS = 0.6;
const TIMEOUT_HEADER = 'x-prometheus-scrape-timeout-seconds';

/** Nothing of a request is ever repeated in an answer, so that no answer can carry somebody's text. */
const ASKING = `Ask for /probe?target=NAME&module=MODULE with a NAME of the configuration and a MODULE of: ${PROBE_MODULES.join(', ')} (default gateway); debug=true shows the evidence.\n`;

const moduleName = z.enum(PROBE_MODULES).default('gateway');
const query = z.object({ target: z.string().min(1), module: moduleName });
const timeoutSeconds = z
  .string()
  .regex(/^\d{1,9}(?:\.\d{1,9})?$/)
  .transform(Number)
  .pipe(z.number().min(MIN_TIMEOUT_SECONDS))
  .default(DEFAULT_TIMEOUT_SECONDS)
  .transform((seconds) => Math.min(seconds, MAX_TIMEOUT_SECONDS));

type Asked =
  | {
      readonly state: 'known';
      readonly name: string;
      readonly moduleName: ProbeModuleName;
      readonly module: ProbeModule;
      readonly target: ProbeTarget;
      readonly budgetMs: number;
    }
  | { readonly state: 'refused'; readonly status: 400 | 404; readonly reason: string };

/** `GET /probe`: the one endpoint that waits, at most the caller's timeout less half a second. */
export function probeHandler({ clock, probes, count }: ProbeOptions): RequestHandler {
  return async (request, response) => {
    const startedMs = clock.monotonic();
    const current = probes();
    const asked = read(request, current);
    response.set('Cache-Control', 'no-store');
    if (asked.state === 'refused') return text(response, asked.status, `${asked.reason}\n${ASKING}`);
    const { budgetMs, target, moduleName: name } = asked;
    const outcome = await current.probe(target, { budgetMs, deadlineMs: startedMs + budgetMs });
    const seconds = (clock.monotonic() - startedMs) / 1000;
    count(name, resultOf(outcome));
    const debug = request.query.debug === 'true';
    if (outcome.state !== 'seen') {
      return text(response, 503, `No verdict after ${seconds.toFixed(3)} s: ${outcome.reason}.\n`);
    }
    const format = debug ? 'text' : negotiate(request);
    const body = await exposition(asked, outcome, seconds, format);
    if (debug) return text(response, 200, debugPage(asked, outcome, seconds, body));
    response.set({ 'Content-Type': CONTENT_TYPES[format], Vary: 'Accept' }).end(body);
  };
}

/** `GET /sd`: the configured targets for Prometheus' `http_sd`; rendered once for each configuration. */
export function discoveryHandler({ probes }: ProbeOptions): RequestHandler {
  return (request, response) => {
    const parsed = moduleName.safeParse(request.query.module);
    if (parsed.success) response.type('json').end(probes().discovery(parsed.data));
    else text(response, 400, `Ask for /sd?module=MODULE with a MODULE of: ${PROBE_MODULES.join(', ')}.\n`);
  };
}

function read(request: Request, probes: Probes): Asked {
  const parsed = query.safeParse(request.query);
  if (!parsed.success) {
    const wrong = parsed.error.issues.some(({ path }) => path[0] === 'target') ? 'target' : 'module';
    return refused(400, `The parameter ${wrong} is missing, repeated or not allowed.`);
  }
  const { target: name, module: moduleName } = parsed.data;
  const timeout = timeoutSeconds.safeParse(request.headers[TIMEOUT_HEADER]);
  if (!timeout.success) {
    return refused(400, `X-Prometheus-Scrape-Timeout-Seconds is no number from ${MIN_TIMEOUT_SECONDS} on.`);
  }
  const module = probes.modules[moduleName];
  const target = module.targets.get(name);
  if (target === undefined) {
    return refused(404, `The configuration names no such target; /sd?module=${moduleName} lists them.`);
  }
  return {
    state: 'known',
    name,
    moduleName,
    module,
    target,
    budgetMs: (timeout.data - MARGIN_SECONDS) * 1000,
  };
}

function refused(status: 400 | 404, reason: string): Asked {
  return { state: 'refused', status, reason };
}

function resultOf(outcome: ProbeOutcome): ProbeResult {
  if (outcome.state !== 'seen') return outcome.state;
  return outcome.success ? 'success' : 'failure';
}

type Known = Extract<Asked, { state: 'known' }>;
type Seen = Extract<ProbeOutcome, { state: 'seen' }>;

function exposition(
  { module, name }: Known,
  outcome: Seen,
  seconds: number,
  format: Format,
): Promise<string> {
  const metrics = new Metrics();
  metrics.declare([success, duration, ...module.families]);
  metrics.put({ collector: 'probe', target: name }, [
    success.sample(outcome.success ? 1 : 0, {}),
    duration.sample(seconds, {}),
    ...outcome.samples,
  ]);
  return metrics.expose(format);
}

function debugPage(
  { name, moduleName }: Known,
  { success: works, evidence }: Seen,
  seconds: number,
  body: string,
) {
  const verdict = works ? 'success' : 'failure';
  return `Probe of ${name} by the module ${moduleName}: ${verdict} in ${seconds.toFixed(3)} s

Evidence:
${evidence.map(formatEvidence).join('\n')}

Metrics:
${body}`;
}

function formatEvidence(evidence: Evidence): string {
  const { layer, subject, verdict, text: words } = evidence;
  const step = nextStep(evidence, OTHER_MACHINE);
  const next = step === undefined ? '' : `\n  next step: ${step.text}`;
  return `${verdict}: ${layer}: ${subject}: ${words}${next}`;
}

function text(response: Response, status: number, body: string): void {
  response.status(status).type('text').send(body);
}
