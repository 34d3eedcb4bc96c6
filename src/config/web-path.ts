/** What `--web.telemetry-path` and `--web.route-prefix` take, for the message that refuses another value. */
export const WEB_PATH_FORM =
  'a path of letters, digits and . _ ~ - between slashes, such as /openclaw/metrics';

/** First parts of paths under which something else is served. */
const TAKEN = ['-', 'history.json', 'probe', 'runbooks', 'sd'];
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]{1,64}){1,8}$/;

/**
 * The path without a slash at its end; `/` itself becomes the empty path. Undefined
 * where the text is no plain path.
 */
export function parseWebPath(text: string): string | undefined {
  const path = text.replace(/\/$/, '');
  return text.startsWith('/') && (path === '' || PATH.test(path)) ? path : undefined;
}

/** Whether another page of the exporter is served at this path or below its first part. */
export function isTakenPath(path: string): boolean {
  const [, first = ''] = path.toLowerCase().split('/');
  return TAKEN.includes(first);
}
