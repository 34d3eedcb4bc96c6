import { appendFileSync } from 'node:fs';
import { expect } from 'vitest';

const secrets = new Set<string>();
const outputs: { readonly what: string; readonly text: string }[] = [];

/**
 * Notes a token that must never be seen in any output of the exporter. Where `TEST_SECRETS_FILE` names a
 * file, the token is noted there too, for a search of all that the suites themselves printed.
 */
export function rememberSecret(secret: string): void {
  secrets.add(secret);
  const { TEST_SECRETS_FILE: file } = process.env;
  if (file !== undefined) appendFileSync(file, `${secret}\n`);
}

/** Keeps an output for {@link expectNoSecretShown}. */
export function keepOutput(what: string, text: string): void {
  outputs.push({ what, text });
}

/** Fails where a remembered token stands in a kept output; the failure names the output, not the token. */
export function expectNoSecretShown(): void {
  expect(secrets.size).toBeGreaterThan(0);
  expect(outputs.length).toBeGreaterThan(0);
  const shown = outputs.filter(({ text }) => [...secrets].some((secret) => text.includes(secret)));
  expect(shown.map(({ what }) => what)).toEqual([]);
}
