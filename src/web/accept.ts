import type { Request } from 'express';
import type { Format } from '../metrics/exposition.ts';

/** Media type parameters that scrapers send and that do not matter here; quality values stay. */
const IGNORED_PARAMETERS = /;\s*(?:version|escaping|charset|encoding|proto)\s*=\s*[^;,]*/gi;

/** OpenMetrics where the client prefers it to plain text, by `Accept` alone, decided for each request. */
export function negotiate(request: Request): Format {
  const { accept } = request.headers;
  if (accept !== undefined) request.headers.accept = accept.replaceAll(IGNORED_PARAMETERS, '');
  const preferred = request.accepts(['text/plain', 'application/openmetrics-text']);
  return preferred === 'application/openmetrics-text' ? 'openmetrics' : 'text';
}
