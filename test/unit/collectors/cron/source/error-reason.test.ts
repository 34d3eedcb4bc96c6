import { describe, expect, it } from 'vitest';
import { ERROR_REASONS } from '../../../../../src/collectors/cron/source/records.ts';
import { toErrorReason } from '../../../../../src/collectors/cron/source/stored-job.ts';

/** What 2026.9.6 recorded of 28 of 30 jobs whose provider had refused the first two. */
const SUSPENDED =
  'Inline API key for provider "acme" is temporarily disabled after a provider auth/billing failure. Retry after about 10 minutes, or switch to a different auth profile/';

describe('the reason of a failed run', () => {
  it('is the recorded one where it is known, and other where it is not', () => {
    for (const reason of ERROR_REASONS) expect(toErrorReason(reason, true, SUSPENDED)).toBe(reason);
    expect(toErrorReason('quantum', false, undefined)).toBe('other');
  });

  it('is auth where the gateway does not ask a provider again that refused its key', () => {
    expect(toErrorReason(undefined, false, SUSPENDED)).toBe('auth');
    expect(toErrorReason(null, false, SUSPENDED)).toBe('auth');
  });

  it('is a failed command where only an exit code is recorded, and unknown where nothing is', () => {
    expect(toErrorReason(undefined, true, 'exit 3')).toBe('command');
    expect(toErrorReason(undefined, false, 'something else')).toBeUndefined();
  });
});
