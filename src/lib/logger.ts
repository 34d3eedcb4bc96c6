import type { Clock } from './clock.ts';

/** Values of `--log.level`, the most talkative first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];
/** Values of `--log.format`. */
export const LOG_FORMATS = ['logfmt', 'json'] as const;
/** One of {@link LOG_FORMATS}. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Values of a log line; never a token (see `Secret`), never a path of a home folder. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** One line an event; fields hold no path of a home folder, and a secret is masked wherever it stands. */
export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
}

/** What is written, how, and where to. */
export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly clock: Clock;
  readonly write: (line: string) => void;
}

/** A logger in the style of Prometheus' own programs: one line an event, logfmt or JSON. */
export function createLogger({ level, format, clock, write }: LoggerOptions): Logger {
  const threshold = LOG_LEVELS.indexOf(level);
  const emit = (lineLevel: LogLevel, msg: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(lineLevel) < threshold) return;
    const record = { ts: new Date(clock.now()).toISOString(), level: lineLevel, msg, ...fields };
    write(format === 'json' ? `${quoted(record)}\n` : `${logfmt(record)}\n`);
  };
  return {
    debug: (msg, fields) => emit('debug', msg, fields),
    info: (msg, fields) => emit('info', msg, fields),
    warn: (msg, fields) => emit('warn', msg, fields),
    error: (msg, fields) => emit('error', msg, fields),
  };
}

function logfmt(record: LogFields): string {
  return Object.entries(record)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${logfmtValue(String(value))}`)
    .join(' ');
}

function logfmtValue(value: string): string {
  return /^[\w.:/+@%-]+$/.test(value) ? value : quoted(value);
}

/**
 * JSON leaves these as they are, yet a terminal obeys some of them and a log
 * reader may end the line at others.
 */
const CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

/** `value` as JSON in printable characters only, on one line. */
function quoted(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    CONTROLS,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
