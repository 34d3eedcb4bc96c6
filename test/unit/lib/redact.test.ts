import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_QUOTE, redact } from '../../../src/lib/redact.ts';
import { Secret } from '../../../src/lib/secret.ts';

const NONE = { secrets: [] };

describe('what is left of an error text', () => {
  it.each([
    'HTTP 401 authentication_error: invalid x-api-key',
    'FailoverError: LLM request timed out after 60000 ms',
    'Unknown model: anthropic/claude-sonnet-4-5-20250929',
    'connect ECONNREFUSED 127.0.0.1:11434',
    'command exited with code 3',
    'StateDatabaseCoordinatorContentionError: another process owns it',
    'model qwen3-coder:480b-cloud is not available in region eu-central-1',
    'Request failed: 529 overloaded_error',
    'the token limit of 128000 was exceeded',
    'no API key is configured for provider openai',
    'the password was not accepted',
    'ENOENT: no such file or directory, open workspace/report-2026-11-27.md',
  ])('is all of "%s"', (text) => {
    expect(redact(text, NONE)).toBe(text);
  });

  it.each([
    ['https://ada:pw@api.example.com/v1/x?key=abc#frag failed', 'https://api.example.com/v1/x failed'],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [removed]'],
    ['header "bearer abc" refused', 'header "bearer [removed]" refused'],
    ['api_key=hunter2, retry', 'api_key=[removed], retry'],
    ['{"password":"hunter2"}', '{"password":"[removed]"}'],
    ['Incorrect API key provided: sk-abc', 'Incorrect API key provided: sk-abc'],
    ['cannot read /home/ada/.openclaw/x.json', 'cannot read ~/.openclaw/x.json'],
    ['cannot read /Users/ada/x', 'cannot read ~/x'],
    ['cannot read /root/x', 'cannot read ~/x'],
    ['mail to ada@example.com bounced', 'mail to [address] bounced'],
    ['chat +49 170 1234567 not found', 'chat [number] not found'],
    ['key AKIAIOSFODNN7EXAMPLE', 'key [removed]'],
    ['refused HFfKnFuR_EGbolulPFXZnyeF', 'refused [removed]'],
    ['Authorization: ApiKey abc123', 'Authorization: ApiKey [removed]'],
    ['bearer: abc123def', 'bearer: [removed]'],
    ['password "hunter 22" was rejected', 'password "[removed]" was rejected'],
    ['invalid token hunter22', 'invalid token [removed]'],
    ['Incorrect API key provided: abcd1234efgh.', 'Incorrect API key provided: [removed]'],
    ['token: "a b c"', 'token: "[removed]"'],
    ['curl -u ada:hunter22 x', 'curl -u [removed] x'],
    ['Cookie: sid=abc; other=def', 'Cookie: [removed]'],
    ['--token=abc --password abc', '--token=[removed] --password [removed]'],
    ['cannot read ~ada/x', 'cannot read ~/x'],
    ['cannot read /var/root/x', 'cannot read ~/x'],
    ['refused qwhgkqowpeirutyalskdjfhzmx', 'refused [removed]'],
    ['two\nlines\tof\u001b[31m text', 'two lines of\\u001b[31m text'],
  ])('of "%s" is "%s"', (text, expected) => {
    expect(redact(text, NONE)).toBe(expected);
  });

  it('is never longer than a quote, and always one line that no terminal obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
        const shown = redact(text, NONE);
        expect(shown.length).toBeLessThanOrEqual(MAX_QUOTE);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
        expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
  });
});

/** As tokens are made: hex, base64, base64url, or letters and digits. */
const random = fc
  .tuple(fc.string(), fc.integer({ min: 18, max: 48 }), fc.constantFrom('hex', 'base64', 'base64url'))
  .map(([seed, length, form]) =>
    createHash('sha512').update(seed).digest().subarray(0, length).toString(form),
  )
  // One in sixty has none; it is removed only where its case gives it away.
  .filter((token) => /\d/.test(token));
/** What people choose themselves, which no form gives away. */
const chosen = fc
  .string({ unit: 'grapheme-ascii', minLength: 6, maxLength: 30 })
  .filter((text) => /^\S+$/.test(text));
const name = fc.stringMatching(/^[a-z][a-z]{4,12}q$/);
const around = fc.constantFrom('', ' ', ': ', '"', "'", '(', ' failed, ', '\n');

/** Each place from which a secret can come into an error text, and how it stands there. */
const PLACES: readonly (readonly [string, (secret: string) => string])[] = [
  ['openclaw.json', (secret) => `{"gateway":{"auth":{"token":"${secret}"}}}`],
  ['the environment and .env', (secret) => `OPENCLAW_GATEWAY_TOKEN=${secret}`],
  ['a unit file', (secret) => `Environment=OPENCLAW_GATEWAY_TOKEN=${secret}`],
  ['a command line', (secret) => `openclaw gateway run --token ${secret}`],
  ['a header', (secret) => `authorization: Bearer ${secret}`],
  ['a URL’s user', (secret) => `https://user:${encodeURIComponent(secret)}@example.com/`],
  ['a URL’s query', (secret) => `wss://example.com/x?token=${encodeURIComponent(secret)}&a=1`],
  ['a URL’s path', (secret) => `https://api.telegram.org/bot${encodeURIComponent(secret)}/send`],
  ['base64', (secret) => `Basic ${Buffer.from(secret).toString('base64')}`],
  ['JSON', (secret) => JSON.stringify({ headers: { 'x-api-key': secret } })],
  ['the middle of a sentence', (secret) => `the key ${secret} was refused`],
];

describe('a secret in an error text', () => {
  it.each(PLACES)('that is known is never shown, whatever it is, from %s', (_place, write) => {
    fc.assert(
      fc.property(fc.oneof(random, chosen), around, around, (secret, before, after) => {
        const shown = redact(`${before}${write(secret)}${after}`, { secrets: [new Secret(secret)] });
        for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
          expect(shown).not.toContain(form);
        }
      }),
    );
  });

  it.each(PLACES.filter(([place]) => place !== 'base64'))(
    'that nothing knows of is recognized as random, from %s',
    (_place, write) => {
      fc.assert(
        fc.property(random, around, around, (secret, before, after) => {
          const shown = redact(`${before}${write(secret)}${after}`, NONE);
          // Not even a piece of it that would help to guess the rest.
          for (let at = 0; at + 12 <= secret.length; at += 4) {
            expect(shown).not.toContain(secret.slice(at, at + 12));
          }
        }),
      );
    },
  );

  it('is removed before the text is shortened, so that no part of it is left at the end', () => {
    fc.assert(
      fc.property(random, fc.nat({ max: 260 }), (secret, length) => {
        const shown = redact(`${'x '.repeat(length)}${secret}`, { secrets: [new Secret(secret)] });
        expect(shown).not.toContain(secret.slice(0, 8));
      }),
    );
  });
});

describe('a home folder in an error text', () => {
  it('is never shown by its owner’s name', () => {
    const folder = fc.constantFrom('/home/', '/Users/', 'C:\\Users\\', '/export/home/');
    fc.assert(
      fc.property(folder, name, around, (parent, user, before) => {
        expect(redact(`${before}${parent}${user}/notes.md`, NONE)).not.toContain(user);
      }),
    );
  });

  it('of an unusual place is removed where it is known', () => {
    expect(redact('open /srv/ada/x.md', { secrets: [], homes: ['/srv/ada'] })).toBe('open ~/x.md');
  });
});
