import { z } from 'zod';
import { parseJson } from '../lib/json.ts';
import { Secret } from '../lib/secret.ts';
import type { NotedFiles } from '../lib/watched-files.ts';
import type { OpenClawConfig, SecretInput, SecretRef } from './config.ts';

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What a place for a credential holds. `unresolved` holds one that only OpenClaw itself can get at. */
export type SecretOutcome =
  | { readonly state: 'found'; readonly secret: Secret }
  | { readonly state: 'none' }
  | { readonly state: 'unresolved'; readonly problem: string };

/** What a reference to a secret may point into. */
export interface SecretSources {
  readonly config: OpenClawConfig;
  readonly env: Env;
  readonly files: NotedFiles;
  /** Makes a path of the configuration absolute. */
  readonly expand: (path: string) => string;
}

const MAX_BYTES = 1024 * 1024;
const ENV_REF = /^\$\{?([A-Z][A-Z0-9_]{0,127})\}?$/;
const SUBSTITUTION = /\$(\$?)\{([A-Z_][A-Z0-9_]*)\}/g;
const credential = z
  .string()
  .trim()
  .max(4096)
  // A credential travels in a header; a control character in it is a broken file, not a secret.
  .refine((text) => !/\p{Cc}/u.test(text));

/** A text as a credential: trimmed; none where it is empty; unresolved where it can be none. */
export function credentialOf(text: string | undefined, name: string): SecretOutcome {
  if (text === undefined || text.trim() === '') return { state: 'none' };
  const parsed = credential.safeParse(text);
  return parsed.success
    ? { state: 'found', secret: new Secret(parsed.data) }
    : { state: 'unresolved', problem: `${name} is no credential: several lines, or too long` };
}

/** Resolves a credential of openclaw.json: literal, `${ENV}`, or a reference. Commands are never run. */
export function resolveSecret(
  input: SecretInput | undefined,
  name: string,
  sources: SecretSources,
): SecretOutcome {
  if (input === undefined) return { state: 'none' };
  if (typeof input === 'object') return resolveRef(input, name, sources);
  const variable = ENV_REF.exec(input.trim())?.[1];
  if (variable !== undefined) return resolveEnv(variable, name, sources.env);
  const { text, missing } = substitute(input, sources.env);
  if (missing) return unresolved(name, 'names a variable that is not set');
  return credentialOf(text, name);
}

/**
 * Replaces `${NAME}`; `$${NAME}` stands for the literal. A variable that is not set or empty stays as it is.
 */
export function substitute(text: string, env: Env): { readonly text: string; readonly missing: boolean } {
  let missing = false;
  const replaced = text.replaceAll(SUBSTITUTION, (whole, escaping: string, name: string) => {
    if (escaping === '$') return `\${${name}}`;
    const value = env[name];
    if (value) return value;
    missing = true;
    return whole;
  });
  return { text: replaced, missing };
}

function resolveRef(ref: SecretRef, name: string, sources: SecretSources): SecretOutcome {
  switch (ref.source) {
    case 'env':
      return resolveEnv(ref.id, name, sources.env);
    case 'file':
      return resolveFile(ref, name, sources);
    case 'exec':
      return unresolved(name, 'comes from a command, which is not run here');
    case 'store':
      return unresolved(name, "lies in OpenClaw's secret store, which is not opened here");
    default:
      return unresolved(name, 'refers to a source that is not known here');
  }
}

function resolveEnv(variable: string, name: string, env: Env): SecretOutcome {
  const found = credentialOf(env[variable], name);
  return found.state === 'none' ? unresolved(name, 'names a variable that is not set') : found;
}

function resolveFile(ref: SecretRef, name: string, { config, files, expand }: SecretSources): SecretOutcome {
  const chosen = ref.provider ?? config.secrets?.defaults?.file;
  const provider = config.secrets?.providers?.[typeof chosen === 'string' ? chosen : 'default'];
  if (provider?.path === undefined) return unresolved(name, 'refers to a file that is not configured');
  const read = files.read(expand(provider.path), MAX_BYTES);
  if (read.state !== 'read') {
    return unresolved(
      name,
      `refers to a file that cannot be read (${read.state === 'absent' ? 'ENOENT' : read.reason})`,
    );
  }
  const text = provider.mode === 'singleValue' ? read.text : pointedAt(read.text, ref.id);
  const found = credentialOf(text, name);
  return found.state === 'none' ? unresolved(name, 'refers to an entry that its file does not hold') : found;
}

function pointedAt(text: string, pointer: string): string | undefined {
  let value = parseJson(text);
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' ? value : undefined;
}

function unresolved(name: string, why: string): SecretOutcome {
  return { state: 'unresolved', problem: `${name} ${why}; name a gateway.token_file to have it proved` };
}
