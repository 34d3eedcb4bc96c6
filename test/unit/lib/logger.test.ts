import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createLogger,
  LOG_LEVELS,
  type LogFields,
  type LogFormat,
  type LogLevel,
} from '../../../src/lib/logger.ts';
import { Secret } from '../../../src/lib/secret.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function logged(format: LogFormat, msg: string, fields?: LogFields, level: LogLevel = 'debug'): string {
  let text = '';
  const clock = new FakeClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  const logger = createLogger({ level, format, clock, write: (line) => (text += line) });
  logger.info(msg, fields);
  return text;
}

/** Reads one logfmt line: bare words, or JSON strings. */
function parseLogfmt(line: string): Record<string, string> {
  const pairs = line.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S+)(?: |$)/g);
  return Object.fromEntries(
    [...pairs].map(([, key = '', value = '']) => [key, value.startsWith('"') ? JSON.parse(value) : value]),
  );
}

/** Whatever some reader of logs takes for the end of a line, or a terminal obeys. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
const BREAKS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

describe('a log line', () => {
  it.each<LogFormat>(['logfmt', 'json'])('in %s cannot be forged by what stands in a value', (format) => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const text = logged(format, 'collection failed', { reason: value });
        expect(text.endsWith('\n')).toBe(true);
        const line = text.slice(0, -1);
        expect(line).not.toMatch(BREAKS);
        const record = format === 'json' ? JSON.parse(line) : parseLogfmt(line);
        expect(record).toEqual({
          ts: '2026-01-02T03:04:05.000Z',
          level: 'info',
          msg: 'collection failed',
          reason: value.toWellFormed() === value ? value : record.reason,
        });
      }),
    );
  });

  it('in logfmt quotes what has blanks, quotes, = or nothing in it', () => {
    const line = logged('logfmt', 'a b', { equals: 'level=error', quote: '"', none: '', bare: 'me@host:22' });
    expect(line).toBe(
      'ts=2026-01-02T03:04:05.000Z level=info msg="a b" equals="level=error" quote="\\"" none="" bare=me@host:22\n',
    );
  });

  it('leaves out fields that are undefined', () => {
    expect(logged('logfmt', 'x', { gone: undefined })).not.toContain('gone');
    expect(logged('json', 'x', { gone: undefined })).not.toContain('gone');
  });

  it('masks a secret that slipped in', () => {
    const fields = { token: new Secret('hunter2') } as unknown as LogFields;
    for (const format of ['logfmt', 'json'] as const)
      expect(logged(format, 'x', fields)).not.toContain('hunter2');
  });
});

describe('a level', () => {
  it.each(LOG_LEVELS)('of %s lets itself and what is graver through', (level) => {
    const seen: string[] = [];
    const logger = createLogger({
      level,
      format: 'logfmt',
      clock: new FakeClock(),
      write: (line) => seen.push(parseLogfmt(line.trimEnd()).level ?? ''),
    });
    for (const each of LOG_LEVELS) logger[each]('x');
    expect(seen).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)));
  });
});
