import type { Env } from './secrets.ts';

/** OpenClaw treats a variable that is empty, or holds the text of a missing value, as not set. */
export function setting(value: string | undefined): string | undefined {
  const text = value?.trim();
  return text === undefined || text === '' || text === 'undefined' || text === 'null' ? undefined : text;
}

/**
 * The profile that the variable OPENCLAW_PROFILE names; undefined for the default one and for a name
 * OpenClaw would not take. The variable alone gives service and port, and not the state folder: that is what
 * the option `--profile` does.
 */
export function profileOf(env: Env): string | undefined {
  const profile = setting(env.OPENCLAW_PROFILE);
  return profile === undefined || profile === 'default' || !/^[\w.-]+$/.test(profile) ? undefined : profile;
}
