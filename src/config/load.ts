import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import { isBelowHome } from '../lib/paths.ts';
import { formatDuration } from './duration.ts';
import { type CollectorDefaults, createFileSchema, type FileConfig, resolveSettings } from './schema.ts';

/** One mistake in the configuration: where, what stands there, what is allowed. */
export interface ConfigProblem {
  /** Dotted path such as `ssh.hosts.0.port`, or the file where no path applies. */
  readonly path: string;
  readonly message: string;
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
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = codeOf(error) ?? 'unreadable';
    return invalid([
      { path, message: `cannot be read (${reason}); --config.file wants a readable YAML file` },
    ]);
  }
  const outcome = parseConfig(text, collectors);
  return outcome.state === 'valid' ? { ...outcome, config: rooted(outcome.config, dirname(path)) } : outcome;
}

/** The configuration with relative token files below `folder`; a leading `~` stays for whoever knows the home folder. */
function rooted(config: FileConfig, folder: string): FileConfig {
  const own = <T extends { readonly token_file?: string | undefined }>(section: T): T => {
    const { token_file: file } = section;
    return file === undefined || isBelowHome(file)
      ? section
      : { ...section, token_file: resolve(folder, file) };
  };
  return { ...config, gateway: own(config.gateway), gateways: config.gateways.map(own) };
}

/** Validates the text of a configuration file whole: every mistake is reported, not only the first. Never throws. */
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
        message: `not YAML: ${error.code}`,
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
  return invalid(result.error.issues.flatMap(describe));
}

/** Undefined where its levels are more than the parser's stack can hold. */
function documentOf(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    // Mistakes are values here; the library would also print some, with the text in which a password's hash may stand.
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

function describe(issue: z.core.$ZodIssue): ConfigProblem[] {
  const path = issue.path.map(String).join('.') || '(top level)';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: join(issue.path, key),
      message: `unknown key; ${issue.message}${tokenHint(key)}`,
    }));
  }
  return [{ path, message: `${shownFor(issue)} is not allowed; allowed: ${allowedOf(issue)}` }];
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

/**
 * The value as the user wrote it, unless it may be a pasted secret: a text that is long or stands where a map or a
 * list belongs (a token file named as the configuration), where a hash of a password belongs, or the credentials and the query of a URL.
 */
function shownFor(issue: z.core.$ZodIssue): string {
  const { input } = issue;
  if (typeof input === 'object' && input !== null) return Array.isArray(input) ? 'a list' : 'a map';
  if (typeof input !== 'string') return String(input);
  const misplaced = issue.code === 'invalid_type' && ['object', 'array'].includes(issue.expected);
  const password = issue.path[0] === 'basic_auth_users';
  if (misplaced || password || input.length > 40) return `a text of ${input.length} characters`;
  return JSON.stringify(
    withoutCredentials(input, issue.path.at(-1) === 'url').replace(/[?#].*/s, '?[hidden]'),
  );
}

/** Where a URL belongs, all before the last `@` may be a password, however wrongly it is written. */
function withoutCredentials(text: string, isUrl: boolean): string {
  return isUrl
    ? text.replace(/^([a-z]+:\/\/)?.*@/is, '$1[hidden]@')
    : text.replace(/\/\/[^/]*@/, '//[hidden]@');
}

function tokenHint(key: string): string {
  return /token|password|secret/i.test(key)
    ? ' (a secret never stands in this file: use gateway.token_file)'
    : '';
}

function join(path: readonly PropertyKey[], key: string): string {
  return [...path, key].map(String).join('.');
}

function invalid(problems: readonly ConfigProblem[]) {
  return { state: 'invalid', problems } as const;
}
