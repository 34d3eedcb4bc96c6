/** What is reported to a heartbeat service. */
export type Signal = 'start' | 'ok' | 'fail';

/** One request to a heartbeat service. */
export interface HeartbeatRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Absent where the service takes its text in the URL. */
  readonly body?: string;
}

/** Uptime Kuma keeps this much of a message, and healthchecks.io 100 kB of a body: neither is reached. */
const MAX_TEXT = 200;

/** The URL in a heartbeat file; undefined where its content is not one. */
export function parseHeartbeatUrl(content: string): URL | undefined {
  const text = content.trim();
  if (/\s/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined;
}

/**
 * The request that reports `signal`; undefined where the service has no such signal. Uptime Kuma's push
 * monitors take `status` (`up`, `down`) and `msg` in the query; every other URL is addressed as
 * healthchecks.io's: as it is for success, with `/fail` or `/start` after its path, the text in the body.
 * Source: https://healthchecks.io/docs/http_api/ and Uptime Kuma's push monitor (`/api/push/TOKEN`).
 */
export function createHeartbeatRequest(
  base: URL,
  signal: Signal,
  text: string,
): HeartbeatRequest | undefined {
  const url = new URL(base);
  const short = text.slice(0, MAX_TEXT);
  if (/\/api\/push\/[^/]+\/?$/.test(url.pathname)) {
    if (signal === 'start') return undefined;
    url.searchParams.set('status', signal === 'ok' ? 'up' : 'down');
    url.searchParams.set('msg', short);
    url.searchParams.delete('ping');
    return { url: url.href, method: 'GET' };
  }
  if (signal !== 'ok') url.pathname = `${url.pathname.replace(/\/$/, '')}/${signal}`;
  return { url: url.href, method: 'POST', body: `${short}\n` };
}
