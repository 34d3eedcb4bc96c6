import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExternalUrl } from '../../../src/config/external-url.ts';

describe('the external URL', () => {
  it.each([
    ['https://mini.example.org', 'https://mini.example.org'],
    ['https://mini.example.org/', 'https://mini.example.org'],
    ['http://192.0.2.1:10789', 'http://192.0.2.1:10789'],
    ['http://[2001:db8::1]:10789/', 'http://[2001:db8::1]:10789'],
    ['https://example.org/openclaw//', 'https://example.org/openclaw'],
    ['HTTPS://Example.ORG/Path', 'https://example.org/Path'],
  ])('%s is %s', (text, url) => {
    expect(parseExternalUrl(text)).toBe(url);
  });

  it.each([
    ['nothing', ''],
    ['one without a scheme', 'mini.example.org:10789'],
    ['one of another scheme', 'ftp://mini.example.org'],
    ['a script', 'javascript:alert(1)'],
    ['one without a host', 'https://'],
    ['one with a user', 'https://user@mini.example.org'],
    ['one with a password', 'https://user:secret@mini.example.org'],
    ['one with a query', 'https://mini.example.org/?a=b'],
    ['one with an empty query', 'https://mini.example.org/?'],
    ['one with a fragment', 'https://mini.example.org/#top'],
    ['one with a blank', 'https://mini.example.org/a b'],
    ['one with a line feed', 'https://mini.example.org/\na'],
    ['one in quotes', '"https://mini.example.org"'],
  ])('cannot be %s', (_what, text) => {
    expect(parseExternalUrl(text)).toBeUndefined();
  });

  it('is the same when it is parsed again, and never ends with a slash', () => {
    fc.assert(
      fc.property(fc.webUrl(), (text) => {
        const url = parseExternalUrl(text);
        if (url === undefined) return;
        expect(parseExternalUrl(url)).toBe(url);
        expect(url).not.toMatch(/\/$/);
      }),
    );
  });
});
