import { expect, it } from 'vitest';
import { ALL_VERSIONS } from '../../support/openclaw.ts';
import { readVersionResults } from '../../versions/results.ts';

it('each version is measured, proved its credential, and counted what its gateway held', () => {
  const results = readVersionResults();
  expect(results.map(({ version }) => version)).toEqual([...ALL_VERSIONS]);
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
