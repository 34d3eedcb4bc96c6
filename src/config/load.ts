import { dirname, resolve } from 'node:path';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { abbreviateHome, homeFolder, isBelowHome } from '../lib/paths.ts';
import { explainFileError, readRegularSync } from '../lib/regular-file.ts';
import { findIntended, isMisspelling } from '../lib/spelling.ts';
import { formatDuration } from './duration.ts';
import { type CollectorDefaults, createFileSchema, type FileConfig, resolveSettings } from './schema.ts';

/** Two thousand gateways take a tenth of it. */
const MAX_BYTES = 4 * 1024 * 1024;

/** One mistake in the configuration: where, what stands there, what is allowed. */
export interface ConfigProblem {
  /** Dotted path such as `ssh.hosts.0.port`, or the file where no path applies. */
  readonly path: string;
  readonly message: string;
  /** The file that it stands in, as it was named. */
  readonly file?: string;
  /** From 1 on; undefined where it is not at one place. */
  readonly line?: number;
}

/** A mistake in one line: file and line, where, what stands there, what is allowed. */
export function formatProblem({ path, message, file, line }: ConfigProblem): string {
  if (file === undefined || file === path) return `${path}: ${message}`;
  const shown = abbreviateHome(file, homeFolder(process.env));
  const place = line === undefined ? shown : `${shown}:${line}`;
  return `${place}: ${path}: ${message}`;
}

/** The same mistakes with the file that they stand in. */
export function addFile(problems: readonly ConfigProblem[], file: string): ConfigProblem[] {
  return problems.map((problem) => ({ ...problem, file }));
}

/** A configuration that can be used whole, or each of its mistakes. */
export type ConfigOutcome =
  | { readonly state: 'valid'; readonly config: FileConfig }
  | { readonly state: 'invalid'; readonly problems: readonly ConfigProblem[] };

/** The configuration without any file: everything at its default. */
export function defaultConfig(): FileConfig {
  return createFileSchema([]).parse({});
}

/** Reads and validates a configuration file that may name these collectors; never throws. */
export function loadConfigFile(path: string, collectors: CollectorDefaults): ConfigOutcome {
  let text: string;
  try {
    text = readRegularSync(path, MAX_BYTES);
  } catch (error) {
    const reason = explainFileError(error);
    return invalid([
      { path, message: `cannot be read (${reason}); --config.file wants a readable YAML file` },
    ]);
  }
  const outcome = parseConfig(text, collectors);
  if (outcome.state === 'invalid') return invalid(addFile(outcome.problems, path));
  return { ...outcome, config: rooted(outcome.config, dirname(path)) };
}

/**
 * The configuration with relative files that hold secrets below `folder`; a leading `~` stays for
 * whoever knows the home folder.
 */
function rooted(config: FileConfig, folder: string): FileConfig {
  const resolved = (file: string) => (isBelowHome(file) ? file : resolve(folder, file));
  const own = <T extends { readonly token_file?: string | undefined }>(section: T): T => {
    const { token_file: file } = section;
    return file === undefined ? section : { ...section, token_file: resolved(file) };
  };
  const { gateway, gateways, heartbeat_url_file: heartbeat } = config;
  return {
    ...config,
    gateway: own(gateway),
    gateways: gateways.map(own),
    ...(heartbeat === undefined ? {} : { heartbeat_url_file: resolved(heartbeat) }),
  };
}

/**
 * Validates the text of a configuration file whole: every mistake is reported, not
 * only the first. Never throws.
 */
export function parseConfig(text: string, collectors: CollectorDefaults): ConfigOutcome {
  const result = validateYaml(text, createFileSchema(Object.keys(collectors)));
  return result.state === 'valid' ? checkTimes(result.value, collectors) : result;
}

/** YAML as `schema` has it, or every mistake in it. Never throws. */
export function validateYaml<S extends z.ZodType>(
  text: string,
  schema: S,
):
  | { readonly state: 'valid'; readonly value: z.output<S> }
  | { readonly state: 'invalid'; readonly problems: readonly ConfigProblem[] } {
  const lines = new LineCounter();
  const document = documentOf(text, lines);
  if (document === undefined) {
    return invalid([{ path: '(top level)', message: 'it is nested too deep; allowed: a few levels' }]);
  }
  const mistakes = [...document.errors, ...document.warnings];
  if (mistakes.length > 0) {
    return invalid(
      mistakes.map((error) => ({
        path: `line ${lines.linePos(error.pos[0]).line}`,
        message: `not YAML: ${explainYaml(error.code)}`,
      })),
    );
  }
  const content = contentOf(document);
  if (content === undefined) {
    return invalid([
      { path: '(top level)', message: 'its aliases cannot be resolved; allowed: few aliases' },
    ]);
  }
  const result = schema.safeParse(content.value ?? {}, { reportInput: true });
  if (result.success) return { state: 'valid', value: result.data };
  return invalid(
    result.error.issues.flatMap((issue) =>
      describe(issue).map(({ keys, ...problem }) => {
        const line = findLine(document, lines, keys);
        return line === undefined ? problem : { ...problem, line };
      }),
    ),
  );
}

/** What each mistake in YAML means; the library's own messages may repeat the text, in which a secret may stand. */
const YAML_MISTAKES: Readonly<Record<string, string>> = {
  BAD_INDENT: 'the indentation does not fit the lines above',
  TAB_AS_INDENT: 'a tab indents it; use spaces',
  DUPLICATE_KEY: 'a key stands twice',
  MISSING_CHAR: 'a quote, bracket or comma is missing',
  UNEXPECTED_TOKEN: 'this does not belong here',
  BAD_COLLECTION_TYPE: 'a list and a map are mixed',
  BLOCK_IN_FLOW: 'an indented block stands within brackets',
  MULTILINE_IMPLICIT_KEY: 'a colon or quote is missing',
  BLOCK_AS_IMPLICIT_KEY: 'a map begins in the line of its key',
  BAD_SCALAR_START: 'a value that begins like this needs quotes',
  BAD_ALIAS: 'an alias names no anchor',
  TAG_RESOLVE_FAILED: 'tags such as !secret are not supported',
  MULTIPLE_DOCS: 'only one document is allowed',
};

function explainYaml(code: string): string {
  const meaning = YAML_MISTAKES[code];
  return meaning === undefined ? code : `${meaning} (${code})`;
}

/** The line of a key, or of the nearest map or list around it that there is. */
function findLine(document: Document, lines: LineCounter, keys: readonly PropertyKey[]): number | undefined {
  for (let length = keys.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(keys.slice(0, length - 1), true);
    const key = keys[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((one) => isScalar(one.key) && one.key.value === key)
      : undefined;
    const node = pair?.key ?? document.getIn(keys.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

/** Undefined where its levels are more than the parser's stack can hold. */
function documentOf(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    // Mistakes are values here; the library would also print some, with the text in which
    // a password's hash may stand.
    return parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The document as plain values; undefined where its aliases lead nowhere or multiply beyond measure. */
function contentOf(document: Document): { readonly value: unknown } | undefined {
  try {
    return { value: document.toJS() };
  } catch (error) {
    if (error instanceof ReferenceError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function checkTimes(config: FileConfig, collectors: CollectorDefaults): ConfigOutcome {
  const problems = Object.entries(collectors).flatMap(([name, defaults]) => {
    const { intervalMs, timeoutMs } = resolveSettings(config, name, defaults);
    if (timeoutMs <= intervalMs) return [];
    const most = formatDuration(intervalMs);
    const message = `${formatDuration(timeoutMs)} is not allowed; allowed: at most the interval, ${most}`;
    return [{ path: `collectors.${name}.timeout`, message }];
  });
  return problems.length === 0 ? { state: 'valid', config } : invalid(problems);
}

/** A mistake with the keys that lead to it. */
type KeyedProblem = ConfigProblem & { readonly keys: readonly PropertyKey[] };

function describe(issue: z.core.$ZodIssue): KeyedProblem[] {
  const path = issue.path.map((part) => showKey(String(part))).join('.') || '(top level)';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: join(issue.path, key),
      message: `unknown key; ${issue.message}${suggest(key, issue.message)}${tokenHint(key)}`,
      keys: [...issue.path, key],
    }));
  }
  const message = `${shownFor(issue)} is not allowed; allowed: ${allowedOf(issue)}`;
  return [{ path, message, keys: issue.path }];
}

/** The key that was meant, of those that the complaint of `section` lists. */
function suggest(key: string, allowed: string): string {
  const keys = allowed.replace(/^allowed here: /, '').split(', ');
  const intended = findIntended(key, keys);
  return intended === undefined ? '' : ` (did you mean ${intended}?)`;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'a map of keys',
  array: 'a list',
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function typeWord(expected: string): string {
  return TYPE_WORDS[expected] ?? expected;
}

function allowedOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid input') ? typeWord(issue.expected) : issue.message;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_big':
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'too_small':
      return `at least ${issue.minimum}${unitOf(issue.origin)}`;
    default:
      return issue.message;
  }
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' character(s)' : '';
}

/** A number with a unit, as durations and sizes are meant to be written. */
const QUANTITY = /^-?\d{1,6}(?:[.,]\d{1,3})?\s?[a-z]{0,7}$/i;

/**
 * The value as the user wrote it, where it can be no secret that was put into a wrong place: a quantity, a
 * misspelt word of a closed list, scheme and host of a URL. Of every other text its length alone.
 */
function shownFor(issue: z.core.$ZodIssue): string {
  const { input } = issue;
  if (typeof input === 'object' && input !== null) return Array.isArray(input) ? 'a list' : 'a map';
  if (typeof input === 'number' && Math.abs(input) >= 1e9)
    return `a number of ${String(input).length} characters`;
  if (typeof input !== 'string') return String(input);
  const isMisspelt =
    issue.code === 'invalid_value' && issue.values.some((one) => isMisspelling(String(one), input));
  if (input === '' || QUANTITY.test(input) || isMisspelt) return JSON.stringify(input);
  const url = issue.path.at(-1) === 'url' ? showUrl(input) : undefined;
  return url ?? `a text of ${input.length} characters`;
}

/**
 * Scheme and host; where a URL belongs, all before the last `@` may be a password,
 * however wrongly it is written.
 */
function showUrl(text: string): string | undefined {
  const parts = /^(?<scheme>[a-z]{2,8}:\/\/)(?<user>.*@)?(?<host>[^/?#@\s]{0,255})(?<rest>.*)$/is.exec(
    text,
  )?.groups;
  if (parts === undefined) return undefined;
  const { scheme = '', user, host = '', rest } = parts;
  return JSON.stringify(`${scheme}${user === undefined ? '' : '[hidden]@'}${host}${rest ? '[hidden]' : ''}`);
}

/** A key as it is written, where it can be no pasted secret: a few letters, or short words joined by `_`. */
function showKey(key: string): string {
  return /^(?:[A-Za-z_-]{1,24}|[a-z]{1,12}(?:_[a-z]{1,12}){1,5}|\d{1,5})$/.test(key)
    ? key
    : `(a key of ${key.length} characters)`;
}

function tokenHint(key: string): string {
  return /token|password|secret/i.test(key)
    ? ' (a secret never stands in this file: use gateway.token_file)'
    : '';
}

function join(path: readonly PropertyKey[], key: string): string {
  return [...path, key].map((part) => showKey(String(part))).join('.');
}

function invalid(problems: readonly ConfigProblem[]) {
  return { state: 'invalid', problems } as const;
}
