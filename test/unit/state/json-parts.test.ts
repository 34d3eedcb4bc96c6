import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonPieces } from '../../../src/state/json-parts.ts';

const member = fc.record(
  {
    id: fc.string({ unit: 'binary' }),
    counts: fc.dictionary(fc.string(), fc.double()),
    seen: fc.array(fc.integer()),
    removedAtMs: fc.option(fc.nat(), { nil: undefined }),
    schedule: fc.jsonValue(),
  },
  { requiredKeys: ['id'] },
);

const jsonOf = (value: unknown) => jsonPieces(value).join('');

describe('JSON in pieces', () => {
  it('is what JSON.stringify says, of any data', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        expect(jsonOf(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('is what JSON.stringify says of thousands of parts, again after some were replaced', () => {
    const changes = fc.array(fc.tuple(fc.nat({ max: 2_999 }), member), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(member, { minLength: 5, maxLength: 20 }), changes, (few, replaced) => {
        const entries = Array.from({ length: 3_000 }, (_, at) => ({ ...few[at % few.length], at }));
        const whole = () => ({
          jobs: entries,
          cursors: { logs: { files: Object.fromEntries(entries.entries()) } },
        });
        expect(jsonOf(whole())).toBe(JSON.stringify(whole()));
        for (const [at, other] of replaced) entries[at] = { ...other, at };
        expect(jsonOf(whole())).toBe(JSON.stringify(whole()));
      }),
      { numRuns: 20 },
    );
  });
});
