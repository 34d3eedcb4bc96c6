import express, { type Router } from 'express';
import type { Machine } from '../../diagnosis/machine.ts';
import { oneAtATime } from '../../lib/one-at-a-time.ts';
import { RUNBOOK_POLICY } from '../page/assets.ts';
import { RunbookLibrary } from './library.ts';
import { runbookPage, runbooksPage } from './page.ts';

/** What the runbooks' pages are made of. */
export interface RunbookOptions {
  /** The exporter's. */
  readonly version: string;
  readonly machine: () => Promise<Machine>;
  /** Where this exporter answers on its machine, without a slash at the end. */
  readonly exporterUrl: () => string;
  /** Where the metrics are. */
  readonly telemetryPath: string;
}

/** The list of runbooks at `/`, each at `/<Alert>`; another name is left to whoever comes next. */
export function createRunbookRouter(options: RunbookOptions): Router {
  const { version, machine, exporterUrl, telemetryPath } = options;
  const library = new RunbookLibrary();
  const headers = { 'Content-Security-Policy': RUNBOOK_POLICY, 'Cache-Control': 'no-store' };
  const list = oneAtATime(async () => runbooksPage([...(await library.read()).values()], version));
  const router = express.Router({ strict: true });
  router.get('/', async (request, response) => {
    if (!request.originalUrl.startsWith(`${request.baseUrl}/`)) {
      // Relative, as a proxy may serve the exporter below a path.
      response.redirect(301, 'runbooks/');
      return;
    }
    response
      .set(headers)
      .type('html')
      .send(await list());
  });
  router.get('/:alert', async (request, response, next) => {
    const runbook = (await library.read()).get(request.params.alert);
    if (runbook === undefined) {
      next();
      return;
    }
    const exporter = { url: exporterUrl(), telemetryPath };
    const page = await runbookPage(runbook, { version, machine: await machine(), exporter });
    response.set(headers).type('html').send(page);
  });
  return router;
}
