import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Seconds between two refreshes of an open page. */
export const REFRESH_SECONDS = 15;

/** The page's style, inlined so that one request fetches the whole page. */
export const STYLE = readAsset('status.css');

/** What the status page has besides {@link STYLE}: timeline, curves and marks. */
export const HISTORY_STYLE = readAsset('history.css');

/** The page's script; the page works without it. */
export const SCRIPT = readAsset('status.js');

/** What runbooks have besides {@link STYLE}. */
export const RUNBOOK_STYLE = readAsset('runbook.css');

const NOTHING_ELSE = ['img-src data:', "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];

/** Allows this page's own style and script, by their hashes, and fetching the page again; nothing else. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src ${formatHash(STYLE)} ${formatHash(HISTORY_STYLE)}`,
  `script-src ${formatHash(SCRIPT)}`,
  "connect-src 'self'",
  ...NOTHING_ELSE,
].join('; ');

/** Allows the runbooks' styles, by their hashes; no script at all. */
export const RUNBOOK_POLICY = [
  "default-src 'none'",
  `style-src ${formatHash(STYLE)} ${formatHash(RUNBOOK_STYLE)}`,
  ...NOTHING_ELSE,
].join('; ');

/** Files beside this module; `npm run build` copies them. */
function readAsset(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

function formatHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
