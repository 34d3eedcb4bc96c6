import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../../src/lib/errors.ts';
import { Secret } from '../../../src/lib/secret.ts';

const VALUE = 'correct-horse-battery-staple';

describe('a secret', () => {
  it.each<[string, (secret: Secret) => string]>([
    ['String()', (secret) => String(secret)],
    ['a template', (secret) => `${secret}`],
    ['concatenation', (secret) => ['', secret].join()],
    ['JSON', (secret) => JSON.stringify({ secret, nested: [secret] })],
    [
      'inspect with everything shown',
      (secret) => inspect({ secret }, { showHidden: true, depth: null, getters: true }),
    ],
    ['format', (secret) => format('%s %o %O %j', secret, secret, secret, secret)],
    ['the message of an error', (secret) => messageOf(new Error(`wrong: ${secret}`))],
    ['an error that carries it', (secret) => inspect(new Error('wrong', { cause: secret }))],
    ['what is thrown itself', (secret) => messageOf(secret)],
    ['its own properties', (secret) => JSON.stringify([Object.entries(secret), { ...secret }])],
    ['a structured clone', (secret) => inspect(structuredClone(secret))],
  ])('does not show in %s', (_where, show) => {
    expect(show(new Secret(VALUE))).not.toContain(VALUE);
  });

  it('is given by reveal alone', () => {
    expect(new Secret(VALUE).reveal()).toBe(VALUE);
  });

  it('equals another one with the same value, whatever the lengths', () => {
    expect(new Secret(VALUE).equals(new Secret(VALUE))).toBe(true);
    expect(new Secret(VALUE).equals(new Secret(`${VALUE}!`))).toBe(false);
    expect(new Secret(VALUE).equals(new Secret(''))).toBe(false);
  });
});

describe('the message of what was thrown', () => {
  it('is one bounded line, also of things that cannot be printed', () => {
    expect(messageOf(new Error('a\n b\tc'))).toBe('a b c');
    expect(messageOf(new Error('x'.repeat(1000))).length).toBe(300);
    expect(messageOf(Object.create(null))).toBe('something that cannot be printed');
    expect(messageOf(Symbol('s'))).toBe('Symbol(s)');
  });
});
