import { describe, expect, it } from 'vitest';
import { COLLECTOR_DEFAULTS } from '../../../src/collectors/index.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { documentedJobs } from '../../support/fleet.ts';
import { blocksOf, textOf } from '../../support/pages.ts';

describe('the page on many gateways', () => {
  it('shows configurations that are valid', () => {
    const blocks = blocksOf(textOf('docs/fleet.md'), 'yaml').filter((block) =>
      /^(?:gateways|collectors):/.test(block),
    );
    expect(blocks.map((block) => parseConfig(block, COLLECTOR_DEFAULTS).state)).toEqual(['valid', 'valid']);
  });

  it('shows one job for each way of discovery, with the time that it speaks of', () => {
    const jobs = documentedJobs(10789, {});
    expect(jobs.filter((job) => 'http_sd_configs' in job)).toHaveLength(1);
    expect(jobs.filter((job) => 'file_sd_configs' in job)).toHaveLength(1);
    for (const job of jobs) expect(job).toMatchObject({ metrics_path: '/probe', scrape_timeout: '10s' });
  });
});
