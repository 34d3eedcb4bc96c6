import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVersionBefore, parseVersion } from '../../../src/openclaw/versions.ts';

const version = fc.tuple(
  fc.integer({ min: 2025, max: 2030 }),
  fc.integer({ min: 1, max: 12 }),
  fc.integer({ min: 0, max: 99 }),
);

describe('the order of versions', () => {
  it('is that of year, month and number, and no version is older than itself', () => {
    const asNumber = ([year, month, number]: readonly number[]) =>
      ((year ?? 0) * 100 + (month ?? 0)) * 1000 + (number ?? 0);
    fc.assert(
      fc.property(version, version, (one, other) => {
        expect(isVersionBefore(one.join('.'), other)).toBe(asNumber(one) < asNumber(other));
        expect(isVersionBefore(one.join('.'), parseVersion(one.join('.')))).toBe(false);
      }),
    );
  });

  it('ends with the last part that is given', () => {
    expect(isVersionBefore('2026.9.6', [2026, 9])).toBe(false);
    expect(isVersionBefore('2026.8.31', [2026, 9])).toBe(true);
  });

  it('takes a release candidate for its release', () => {
    expect(isVersionBefore('2026.9.6-beta.1', [2026, 9, 6])).toBe(false);
    expect(isVersionBefore('2026.9.5', parseVersion('2026.9.6-beta.1'))).toBe(true);
  });
});
