import { describe, expect, it } from 'vitest';
import { explainForeign } from '../../../src/gateway/foreign.ts';

/** As nginx, Caddy, Cloudflare, oauth2-proxy, Go and Apache answer. */
const ANSWERS: readonly (readonly [status: number, body: string, reason: string])[] = [
  [502, '<html><title>502 Bad Gateway</title></html>', 'nothing accepts behind it'],
  [503, '', 'nothing is ready behind it'],
  [504, '<html>504 Gateway Time-out</html>', 'no answer comes from behind it'],
  [530, 'error code: 1033', 'its tunnel to what is behind it is gone'],
  [526, '', 'does not trust the certificate'],
  [302, '<a href="https://login.example/?token=hunter2">Found</a>', 'redirects to another address'],
  [401, 'Unauthorized: hunter2', 'wants a login of its own'],
  [403, '{"error":"hunter2"}', 'refuses the request'],
  [429, '', 'limits the number of requests'],
  [400, '<html>The plain HTTP request was sent to HTTPS port</html>', 'wants TLS'],
  [400, 'Client sent an HTTP request to an HTTPS server.', 'wants TLS'],
  [200, '<!DOCTYPE html><html><title>hunter2</title></html>', 'a web page'],
  [200, 'hunter2', 'something else'],
  [500, '{"error":"hunter2"}', 'something else'],
];

describe('an answer that is not a gateway’s', () => {
  it.each(ANSWERS)('with status %d and body %j is explained and not quoted: %s', (status, body, reason) => {
    const text = explainForeign({ status, isJson: body.startsWith('{'), body });
    expect(text).toContain(reason);
    expect(text).toContain(`HTTP ${status}`);
    expect(text).not.toContain('hunter2');
  });
});
