import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonOf } from '../../src/gateway/http.ts';
import { holdsMoreValues } from '../../src/lib/json-size.ts';
import { PARSERS } from '../support/parsers.ts';

/** One of `valid` with a piece of it replaced by any text. */
function mutant(valid: readonly string[]) {
  return fc
    .tuple(
      fc.constantFrom(...valid),
      fc.nat(),
      fc.nat({ max: 8 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
    )
    .map(([text, at, length, piece]) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + piece + text.slice(from + length);
    });
}

describe.each(PARSERS)('what reads $name', ({ valid, read }) => {
  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.json(), mutant(valid)),
        (text) => void read(text),
      ),
    );
  });

  it('never throws on what is nested a hundred thousand times, nor on a megabyte of one character', () => {
    for (const piece of ['[', '{"a":', '<dict>', '"', '\\', '\n', ' ', '\0', '-', '$', '${A}', 'a']) {
      read(piece.repeat(100_000));
    }
  });
});

describe('the number of values in JSON', () => {
  it('is at least what the text holds, and no text stands for a value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = Buffer.from(JSON.stringify(value));
        const values = count(value);
        expect(holdsMoreValues(json, values)).toBe(false);
        expect(holdsMoreValues(Buffer.from(JSON.stringify(json.toString('utf8'))), 0)).toBe(false);
      }),
    );
  });

  it('of an answer beyond measure makes it no answer', () => {
    const answer = { state: 'answered', status: 200, isJson: true, retryAfterSeconds: undefined } as const;
    const times = { dateMs: undefined, connectSeconds: 0, httpSeconds: 0 };
    const body = (values: number) => JSON.stringify(Array.from({ length: values }, () => []));
    expect(jsonOf({ ...answer, ...times, body: body(1_000) })).toHaveLength(1_000);
    expect(jsonOf({ ...answer, ...times, body: body(100_000) })).toBeUndefined();
  });
});

function count(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value);
  return 1 + Math.max(inside.length - 1, 0) + inside.reduce((sum: number, one) => sum + count(one), 0);
}
