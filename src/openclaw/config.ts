import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import JSON5 from 'json5';
import { z } from 'zod';
import { holdsMoreValues } from '../lib/json-size.ts';
import type { NotedFiles } from '../lib/watched-files.ts';
import { configuredChannels } from './channels.ts';
import { configuredModels } from './models.ts';

/** Of the file and all that it includes: parsing stops everything else. Such files have some kilobytes. */
const MAX_BYTES = 512 * 1024;
/** The parser of JSON5 takes ten times as long as that of JSON, in which OpenClaw itself writes. */
const MAX_JSON5_BYTES = 128 * 1024;
/** Such files have some hundreds. */
const MAX_VALUES = 10_000;
/** Files of one configuration; an include that is named twice counts twice. */
const MAX_FILES = 64;
const MAX_INCLUDE_DEPTH = 10;
/** Objects and lists within each other. */
const MAX_NESTING = 100;
/** Values that OpenClaw would not allow; a file with more is some other file. */
const MAX_MISTAKES = 100;
const INCLUDE = '$include';

/**
 * A value that may be written down or referred to: `{source, provider, id}` as
 * OpenClaw's secret references are.
 */
const secretRef = z.looseObject({
  source: z.string(),
  provider: z.string().optional(),
  id: z.string(),
});
const secretInput = z.union([z.string(), secretRef]);
/** A secret as openclaw.json may hold it: the value itself, or a reference. */
export type SecretInput = z.output<typeof secretInput>;
/** A reference to a secret that stands elsewhere. */
export type SecretRef = z.output<typeof secretRef>;

const secretProvider = z.looseObject({
  source: z.string().optional(),
  path: z.string().optional(),
  mode: z.string().optional(),
});

/**
 * The parts of openclaw.json that say where the gateway is, what it accepts and which
 * version it is; the rest is ignored.
 */
const configSchema = z.object({
  meta: z.object({ lastTouchedVersion: z.string().optional() }).optional(),
  gateway: z
    .object({
      port: z.int().min(0).max(65_535).optional(),
      mode: z.string().optional(),
      bind: z.string().optional(),
      customBindHost: z.string().optional(),
      auth: z
        .object({
          mode: z.string().optional(),
          token: secretInput.optional(),
          password: secretInput.optional(),
        })
        .optional(),
      remote: z
        .object({
          url: z.string().optional(),
          token: secretInput.optional(),
          password: secretInput.optional(),
          tlsFingerprint: z.string().optional(),
        })
        .optional(),
      tls: z.object({ enabled: z.boolean().optional(), certPath: z.string().optional() }).optional(),
    })
    .optional(),
  cron: z.object({ enabled: z.boolean().optional() }).optional(),
  channels: configuredChannels,
  agents: configuredModels,
  env: z.looseObject({ vars: z.record(z.string(), z.unknown()).optional() }).optional(),
  secrets: z
    .object({
      providers: z.record(z.string(), secretProvider).optional(),
      defaults: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});
/** The part of openclaw.json that is read here. */
export type OpenClawConfig = z.output<typeof configSchema>;

/** What could be understood of openclaw.json. */
export interface ConfigReading {
  readonly config: OpenClawConfig;
  /** What could not be read or understood; without paths and without values. */
  readonly problems: readonly string[];
  /**
   * Why nothing is known of the file as a whole: it is there and cannot be used.
   * Undefined also where there is none.
   */
  readonly unreadable: string | undefined;
  /** Keys whose values OpenClaw would not allow, such as `gateway.port`: unknown, and not their defaults. */
  readonly broken: readonly string[];
}

/**
 * Reads openclaw.json: JSON5 with `$include`, as OpenClaw's docs describe it. A broken file gives an empty
 * configuration, which is no default but unknown, and a problem; a broken value costs only itself. An absent
 * file is no problem: OpenClaw has defaults.
 */
export function readOpenClawConfig(
  path: string,
  files: NotedFiles,
  includeRoots: readonly string[],
): ConfigReading {
  try {
    const roots = [dirname(path), ...includeRoots].map(realOf);
    return validate(load(path, { files, roots, chain: [], left: { bytes: MAX_BYTES, files: MAX_FILES } }));
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    const unreadable = `openclaw.json ${error.message}`;
    return { config: {}, problems: [unreadable], unreadable, broken: [] };
  }
}

/** Says in words why the configuration as a whole cannot be used. */
class Unusable extends Error {}

interface Loading {
  readonly files: NotedFiles;
  readonly roots: readonly string[];
  /** Files under way, from the configuration down to the include being read. */
  readonly chain: readonly string[];
  /** What may still be read. */
  readonly left: { bytes: number; files: number };
}

function load(path: string, loading: Loading): unknown {
  const { files, chain, left } = loading;
  if (chain.includes(path)) throw new Unusable('includes itself');
  if (chain.length > MAX_INCLUDE_DEPTH) throw new Unusable(`nests includes deeper than ${MAX_INCLUDE_DEPTH}`);
  left.files -= 1;
  if (left.files < 0) throw new Unusable(`includes more than ${MAX_FILES} files`);
  const read = files.read(path, left.bytes);
  if (read.state === 'failed') throw new Unusable(`cannot be read (${read.reason})`);
  if (read.state === 'absent') {
    if (chain.length === 0) return {};
    throw new Unusable('includes a file that is not there');
  }
  left.bytes -= Buffer.byteLength(read.text);
  return expand(parse(read.text), path, { ...loading, chain: [...chain, path] }, 0);
}

function parse(text: string): unknown {
  if (holdsMoreValues(Buffer.from(text), MAX_VALUES))
    throw new Unusable(`holds more than ${MAX_VALUES} values`);
  try {
    return JSON.parse(text);
  } catch {
    if (text.length > MAX_JSON5_BYTES) throw new Unusable('is not JSON, and too large to be read as JSON5');
    return parseJson5(text);
  }
}

function parseJson5(text: string): unknown {
  try {
    return JSON5.parse(text);
  } catch (error) {
    const line = error instanceof SyntaxError && 'lineNumber' in error ? error.lineNumber : undefined;
    throw new Unusable(typeof line === 'number' ? `is not JSON5 (line ${line})` : 'is not JSON5');
  }
}

function expand(value: unknown, path: string, loading: Loading, depth: number): unknown {
  if (depth > MAX_NESTING) throw new Unusable(`nests values deeper than ${MAX_NESTING}`);
  if (Array.isArray(value)) return value.map((item) => expand(item, path, loading, depth + 1));
  if (!isObject(value)) return value;
  const rest: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key !== INCLUDE && key !== '__proto__') rest[key] = expand(item, path, loading, depth + 1);
  }
  if (!Object.hasOwn(value, INCLUDE)) return rest;
  const included = includesOf(value[INCLUDE])
    .map((name) => load(includedPath(name, path, loading.roots), loading))
    .reduce((before, after) => merge(before, after));
  return Object.keys(rest).length === 0 ? included : merge(included, rest);
}

function includesOf(value: unknown): string[] {
  const names = Array.isArray(value) ? value : [value];
  const texts = names.filter((name) => typeof name === 'string');
  if (texts.length !== names.length || texts.length === 0)
    throw new Unusable('has an include that is no file name');
  return texts;
}

function includedPath(name: string, from: string, roots: readonly string[]): string {
  const path = resolve(dirname(from), name);
  if (!roots.some((root) => isInside(root, realOf(path))))
    throw new Unusable('includes a file outside its folder');
  return path;
}

/** Later values win, objects merge, lists are joined. */
function merge(before: unknown, after: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(after)) return [...before, ...after];
  if (!isObject(before) || !isObject(after)) return after;
  const merged = { ...before };
  for (const [key, value] of Object.entries(after)) {
    merged[key] = Object.hasOwn(merged, key) ? merge(merged[key], value) : value;
  }
  return merged;
}

function validate(raw: unknown): ConfigReading {
  const problems: string[] = [];
  const broken: string[] = [];
  let value = raw;
  for (;;) {
    const parsed = configSchema.safeParse(value);
    if (parsed.success) return { config: parsed.data, problems, unreadable: undefined, broken };
    if (problems.length + parsed.error.issues.length > MAX_MISTAKES) {
      throw new Unusable(`holds more than ${MAX_MISTAKES} values that OpenClaw does not allow`);
    }
    for (const { path } of parsed.error.issues) {
      const name = path.map(String).join('.');
      broken.push(name);
      problems.push(
        name === '' ? 'openclaw.json holds no object' : `openclaw.json: ${name} is not what OpenClaw allows`,
      );
      value = without(value, path);
    }
  }
}

function without(value: unknown, path: readonly PropertyKey[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined || !isObject(value)) return {};
  const { [String(key)]: broken, ...others } = value;
  return rest.length === 0 || !isObject(broken)
    ? others
    : { ...others, [String(key)]: without(broken, rest) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
