/** What of an answer tells who gave it; its text is read here and never shown. */
interface ForeignAnswer {
  readonly status: number;
  readonly isJson: boolean;
  readonly body: string;
}

/** Statuses of gateways of the web that reached nothing behind them; 52x and 530 are Cloudflare's own. */
const BEHIND: Readonly<Record<number, string>> = {
  502: 'nothing accepts behind it',
  503: 'nothing is ready behind it',
  504: 'no answer comes from behind it',
  520: 'what is behind it breaks off',
  521: 'nothing accepts behind it',
  522: 'nothing answers behind it',
  523: 'what is behind it cannot be reached',
  524: 'no answer comes from behind it',
  525: 'its TLS to what is behind it fails',
  526: 'it does not trust the certificate of what is behind it',
  530: 'its tunnel to what is behind it is gone',
};

/** A web server with TLS says so to a request without it: nginx, Go, Apache. */
const WANTS_TLS =
  /plain HTTP request was sent to HTTPS port|sent an HTTP request to an HTTPS server|speaking plain HTTP to an SSL-enabled/i;

/** Why an answer to `/healthz` is not OpenClaw's, by what a person would do about it; no word of it is quoted. */
export function explainForeign({ status, isJson, body }: ForeignAnswer): string {
  const behind = BEHIND[status];
  if (behind !== undefined) return `a proxy answers in its place: ${behind} (HTTP ${status})`;
  if (WANTS_TLS.test(body)) return `it wants TLS: the URL must begin with wss:// (HTTP ${status})`;
  if (status >= 300 && status < 400)
    return `it redirects to another address, such as a login page or https (HTTP ${status})`;
  if (status === 401 || status === 407)
    return `a proxy wants a login of its own before it passes anything on (HTTP ${status})`;
  if (status === 403) return `a proxy or firewall refuses the request (HTTP ${status})`;
  if (status === 429) return `a proxy limits the number of requests (HTTP ${status})`;
  const isPage = !isJson && /^\s*(?:<!doctype html|<html)/i.test(body);
  return isPage
    ? `it answers /healthz with a web page (HTTP ${status})`
    : `it answers /healthz with something else (HTTP ${status})`;
}
