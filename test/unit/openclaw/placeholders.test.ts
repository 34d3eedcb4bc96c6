import { describe, expect, it } from 'vitest';
import { findPlaceholder, isPlaceholderRefused } from '../../../src/openclaw/placeholders.ts';

describe('a placeholder where a credential belongs', () => {
  it.each([
    ['undefined', 'unset'],
    [' null\n', 'unset'],
    ['change-me-now', 'example'],
    ['change-me-to-a-long-random-token', 'example'],
    ['__OPENCLAW_REDACTED__', 'redacted'],
    ['***', 'redacted'],
    ['UNDEFINED', undefined],
    ['my-undefined-token', undefined],
    ['hunter2', undefined],
  ])('%j is recognized as %s', (text, kind) => {
    expect(findPlaceholder(text, 'token')).toBe(kind);
  });

  it('of a token is none of a password', () => {
    expect(findPlaceholder('change-me-to-a-strong-password', 'password')).toBe('example');
    expect(findPlaceholder('change-me-to-a-strong-password', 'token')).toBeUndefined();
  });

  it.each([
    ['unset', '2026.5.7', false],
    ['unset', '2026.9.1', false],
    ['unset', '2026.9.6', true],
    ['redacted', '2026.9.6', true],
    ['redacted', '2026.7.35', false],
    ['unset', undefined, false],
    ['example', '2026.5.7', true],
    ['example', undefined, true],
  ] as const)('%s with version %s: the gateway does not start with it: %s', (kind, version, isRefused) => {
    expect(isPlaceholderRefused(kind, version)).toBe(isRefused);
  });
});
