import { isVersionBefore } from './versions.ts';

/**
 * Texts that stand where a credential belongs: what programs write where they have no value, what OpenClaw's examples
 * show, and what its displays show in place of a secret.
 */
export type PlaceholderKind = 'unset' | 'example' | 'redacted';

/** From this version on a gateway does not start with any of them; earlier ones refuse only examples. Measured. */
const REFUSES_ALL = [2026, 9, 6];

const UNSET = ['undefined', 'null'];
const EXAMPLES = {
  token: ['change-me-to-a-long-random-token', 'change-me-now'],
  password: ['change-me-to-a-strong-password'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
const REDACTED = [
  '__OPENCLAW_REDACTED__',
  'REDACTED',
  '***',
  '[redacted]',
  '[REDACTED]',
  '<redacted>',
  '[REDACTED CREDENTIAL]',
];

/** What kind of placeholder a text is, as the credential of a gateway; undefined where it is none. */
export function findPlaceholder(text: string, kind: keyof typeof EXAMPLES): PlaceholderKind | undefined {
  const trimmed = text.trim();
  if (UNSET.includes(trimmed)) return 'unset';
  if (EXAMPLES[kind].some((example) => example === trimmed)) return 'example';
  return REDACTED.includes(trimmed) ? 'redacted' : undefined;
}

/** Whether a gateway of that version does not start with it; an unknown version counts as one that does. */
export function isPlaceholderRefused(placeholder: PlaceholderKind, version: string | undefined): boolean {
  return placeholder === 'example' || (version !== undefined && !isVersionBefore(version, REFUSES_ALL));
}
