import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHeartbeatRequest, parseHeartbeatUrl } from '../../../src/heartbeat/service.ts';

const UUID = '00000000-0000-4000-8000-000000000000';

describe('the URL of a heartbeat service', () => {
  it.each([
    `https://hc.example/${UUID}\n`,
    `  https://hc.example/ping/key/openclaw?create=1  `,
    'http://127.0.0.1:3001/api/push/abc?status=up&msg=OK&ping=',
  ])('is %j', (content) => {
    expect(parseHeartbeatUrl(content)?.href).toBe(content.trim());
  });

  it.each([
    '',
    'not a URL',
    'ftp://hc.example/x',
    'file:///etc/passwd',
    'https://a.example\nhttps://b.example',
  ])('is not %j', (content) => {
    expect(parseHeartbeatUrl(content)).toBeUndefined();
  });

  it('is any text or none, without an exception', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseHeartbeatUrl(text)));
  });
});

describe('a request to healthchecks.io', () => {
  const base = new URL(`https://hc.example/${UUID}?create=1`);

  it.each([
    ['ok', `https://hc.example/${UUID}?create=1`],
    ['fail', `https://hc.example/${UUID}/fail?create=1`],
    ['start', `https://hc.example/${UUID}/start?create=1`],
  ] as const)('says %s by its path and why in its body', (signal, url) => {
    expect(createHeartbeatRequest(base, signal, 'cron: stopped')).toEqual({
      url,
      method: 'POST',
      body: 'cron: stopped\n',
    });
  });
});

describe('a request to a push monitor of Uptime Kuma', () => {
  const base = new URL('http://kuma.example:3001/api/push/abc?status=up&msg=OK&ping=');

  it.each([
    ['ok', 'up'],
    ['fail', 'down'],
  ] as const)('says %s by the query, in place of what the copied URL says', (signal, status) => {
    const request = createHeartbeatRequest(base, signal, 'cron: stopped & more');
    const { searchParams, pathname } = new URL(request?.url ?? '');
    expect(pathname).toBe('/api/push/abc');
    expect(Object.fromEntries(searchParams)).toEqual({ status, msg: 'cron: stopped & more' });
    expect(request?.method).toBe('GET');
  });

  it('is not made for the start, which it does not know', () => {
    expect(createHeartbeatRequest(base, 'start', 'x')).toBeUndefined();
  });
});
