import express, { type Express, type NextFunction, type Request, type Response, Router } from 'express';
import type { TargetState } from '../core/collector-loop.ts';
import type { History, HistorySelection } from '../diagnosis/journal/history.ts';
import type { Machine } from '../diagnosis/machine.ts';
import type { Trends } from '../diagnosis/trends.ts';
import { unlessLate } from '../lib/deadline.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { oneAtATime } from '../lib/one-at-a-time.ts';
import type { Layer } from '../lib/vocabulary.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { historyHandler } from './history.ts';
import { metricsHandler, type SelectOutcome } from './metrics.ts';
import { CONTENT_SECURITY_POLICY } from './page/assets.ts';
import { statusPage } from './page/page.ts';
import { TIMELINE_MS } from './page/timeline.ts';
import { discoveryHandler, type ProbeOptions, probeHandler } from './probe.ts';
import { createRunbookRouter } from './runbooks/router.ts';

const MAX_HISTORY_MS = 1_000;

/** What the pages and metrics are made of. */
export interface WebOptions {
  /** Where the metrics are; `/` puts them in the place of the status page. */
  readonly telemetryPath: string;
  /** Below which everything is served: empty, or a path without a slash at its end. */
  readonly routePrefix: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly version: string;
  /** Wall time, milliseconds since the epoch. */
  readonly now: () => number;
  readonly states: () => readonly TargetState[];
  /** Since when a layer as a whole has its verdict; wall time, milliseconds. */
  readonly layerSince: (layer: Layer) => number | undefined;
  /** How late a job may be (`cron.grace`) in the configuration that runs, milliseconds. */
  readonly jobGraceMs: () => number;
  /** Whether every collector has finished its first round. */
  readonly ready: () => boolean;
  /** Reloads the configuration; undefined where the lifecycle API is switched off. */
  readonly reload: (() => Promise<ReloadOutcome>) | undefined;
  /** The part of the exposition that belongs to these collectors. */
  readonly select: (names: ReadonlySet<string>) => SelectOutcome;
  /** What repair steps depend on. */
  readonly machine: () => Promise<Machine>;
  /** Where this exporter answers on its machine, without a slash at the end. */
  readonly exporterUrl: () => string;
  /** What happened; undefined where the journal cannot be read now. */
  readonly history: (selection: HistorySelection) => Promise<History | undefined>;
  /** What was sampled since the exporter started. */
  readonly trends: () => Trends;
  /** Whether only authenticated clients are served: they may see what other programs reported. */
  readonly isAuthenticated: () => boolean;
  readonly probing: ProbeOptions;
}

/** What came of reading the configuration again. */
export type ReloadOutcome =
  | { readonly state: 'reloaded' }
  | { readonly state: 'refused'; readonly problems: readonly string[] };

/** The exporter's HTTP interface; nothing in it but `/probe` waits for a probe. */
export function createApp(options: WebOptions): Express {
  const { telemetryPath, routePrefix } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(securityHeaders);
  if (routePrefix !== '') app.get(['/', routePrefix], redirectToPages(routePrefix));
  app.use(routePrefix || '/', pages(options));
  app.use((_request, response) => {
    response
      .status(404)
      .type('text')
      .send(`Not found. Try ${routePrefix}${telemetryPath} or ${routePrefix}/.\n`);
  });
  app.use(failureHandler(options.logger));
  return app;
}

/** The address is relative, so that it is right behind any proxy. */
function redirectToPages(routePrefix: string) {
  const target = `${routePrefix.split('/').at(-1)}/`;
  return ({ path }: Request, response: Response, next: NextFunction) => {
    if (path === '/') response.redirect(`${routePrefix.slice(1)}/`);
    else if (path.endsWith('/')) next();
    else response.redirect(target);
  };
}

function pages(options: WebOptions): Router {
  const router = Router();
  router.get(options.telemetryPath, metricsHandler(options));
  // However many requests there are, one page of each kind is made at a time and shared.
  const page = oneAtATime(() => currentPage(options, false));
  const detailedPage = oneAtATime(() => currentPage(options, true));
  router.get('/', async (_request, response) => {
    const body = await (options.isAuthenticated() ? detailedPage() : page());
    response.set({ 'Content-Security-Policy': CONTENT_SECURITY_POLICY, 'Cache-Control': 'no-store' });
    response.type('html').send(body);
  });
  router.get('/history.json', historyHandler(options));
  router.use('/runbooks', createRunbookRouter(options));
  router.get('/-/healthy', (_request, response) => {
    response.type('text').send('openclaw-gateway-exporter is healthy.\n');
  });
  router.get('/-/ready', (_request, response) => {
    const ready = options.ready();
    const text = ready ? 'is ready' : 'has not finished its first round of collectors';
    response
      .status(ready ? 200 : 503)
      .type('text')
      .send(`openclaw-gateway-exporter ${text}.\n`);
  });
  router.get('/probe', probeHandler(options.probing));
  router.get('/sd', discoveryHandler(options.probing));
  if (options.reload !== undefined) router.post('/-/reload', reloadHandler(options.reload));
  return router;
}

async function currentPage(options: WebOptions, showsDetails: boolean): Promise<string> {
  const { layerSince, metrics, version, telemetryPath } = options;
  return statusPage({
    states: options.states(),
    layerSince,
    metrics,
    version,
    telemetryPath,
    nowMs: options.now(),
    graceMs: options.jobGraceMs(),
    isReady: options.ready(),
    machine: await options.machine(),
    history: await readTimeline(options, showsDetails),
    trends: options.trends(),
    showsDetails,
  });
}

/** The page does not wait for a disk that hangs. */
function readTimeline({ history, now, probing }: WebOptions, showsDetails: boolean) {
  const toMs = now();
  const found = history({ fromMs: toMs - TIMELINE_MS, toMs, showsDetails, isBrief: true });
  return unlessLate(found, MAX_HISTORY_MS, probing.clock);
}

function reloadHandler(reload: () => Promise<ReloadOutcome>) {
  return async (request: Request, response: Response) => {
    if (request.headers.origin !== undefined) {
      response.status(403).type('text').send('A page in a browser may not reload the exporter.\n');
      return;
    }
    const outcome = await reload();
    if (outcome.state === 'reloaded') response.type('text').send('Reloaded.\n');
    else
      response
        .status(500)
        .type('text')
        .send(`Not reloaded:\n${outcome.problems.join('\n')}\n`);
  };
}

function securityHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.set({
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
  });
  next();
}

function failureHandler(logger: Logger) {
  return (error: unknown, _request: Request, response: Response, _next: NextFunction): void => {
    logger.error('request failed', { error: messageOf(error) });
    if (!response.headersSent) response.status(500).type('text').send('The exporter failed; see its log.\n');
  };
}
