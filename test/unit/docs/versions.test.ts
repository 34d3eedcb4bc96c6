import { expect, it } from 'vitest';
import { readVersionResults } from '../../versions/results.ts';

it('each measured version proved its credential, and counted what its gateway held', () => {
  const results = readVersionResults();
  expect(results).not.toEqual([]);
  for (const { version, counted, proved } of results) {
    expect({ version, runs: counted.exporter, ...proved }).toEqual({
      version,
      runs: counted.gateway,
      right: 1,
      wrong: 0,
      function: 1,
    });
  }
});
