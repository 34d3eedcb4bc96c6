import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { codeOf } from '../runtime/errors.ts';
import { type FileConfig, fileSchema } from './schema.ts';

/** One mistake in the configuration: where, what stands there, what is allowed. */
export interface ConfigProblem {
  /** Dotted path such as `ssh.hosts.0.port`, or the file where no path applies. */
  readonly path: string;
  readonly message: string;
}

export type ConfigOutcome =
  | { readonly state: 'valid'; readonly config: FileConfig }
  | { readonly state: 'invalid'; readonly problems: readonly ConfigProblem[] };

/** The configuration without any file: everything at its default. */
export function defaultConfig(): FileConfig {
  return fileSchema.parse({});
}

/** Reads and validates a configuration file; never throws. */
export function loadConfigFile(path: string): ConfigOutcome {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = codeOf(error) ?? 'unreadable';
    return invalid([
      { path, message: `cannot be read (${reason}); --config.file wants a readable YAML file` },
    ]);
  }
  return parseConfig(text);
}

/** Validates the text of a configuration file whole: every mistake is reported, not only the first. Never throws. */
export function parseConfig(text: string): ConfigOutcome {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return invalid(
      document.errors.map((error) => ({
        path: `line ${lines.linePos(error.pos[0]).line}`,
        message: `not YAML: ${error.code}`,
      })),
    );
  }
  const result = fileSchema.safeParse(document.toJS() ?? {}, { reportInput: true });
  if (result.success) return checkTimes(result.data);
  return invalid(result.error.issues.flatMap(describe));
}

function checkTimes(config: FileConfig): ConfigOutcome {
  const problems = Object.entries(config.collectors).flatMap(([name, settings]) =>
    settings?.interval !== undefined && settings.timeout !== undefined && settings.timeout > settings.interval
      ? [
          {
            path: `collectors.${name}.timeout`,
            message: `${settings.timeout}ms is longer than the interval of ${settings.interval}ms; allowed: at most the interval`,
          },
        ]
      : [],
  );
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
  return [{ path, message: `${shown(issue.input)} is not allowed; allowed: ${allowedOf(issue)}` }];
}

function allowedOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `a value of type ${issue.expected}`;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'too_small':
      return `at least ${issue.minimum}`;
    default:
      return issue.message;
  }
}

/** The value as the user wrote it, short; a long or nested one is only named by its kind, lest a pasted secret is echoed. */
function shown(input: unknown): string {
  if (typeof input === 'string')
    return input.length > 40 ? `a text of ${input.length} characters` : JSON.stringify(input);
  if (typeof input === 'object' && input !== null) return Array.isArray(input) ? 'a list' : 'a map';
  return String(input);
}

function tokenHint(key: string): string {
  return /token|password|secret/i.test(key)
    ? ' (a secret never stands in this file: use gateway.token_file)'
    : '';
}

function join(path: readonly PropertyKey[], key: string): string {
  return [...path, key].map(String).join('.');
}

function invalid(problems: readonly ConfigProblem[]): ConfigOutcome {
  return { state: 'invalid', problems };
}
