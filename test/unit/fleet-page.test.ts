import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { documentedJobs } from '../support/fleet.ts';

const PAGE = readFileSync(new URL('../../docs/fleet.md', import.meta.url), 'utf8');

describe('the page on many gateways', () => {
  it('shows configurations that are valid', () => {
    const blocks = [...PAGE.matchAll(/^```yaml\n((?:gateways|collectors):\n.*?)^```/gms)].map(
      ([, block = '']) => block,
    );
    expect(blocks.map((block) => parseConfig(block).state)).toEqual(['valid', 'valid']);
  });

  it('shows one job for each way of discovery, with the time that it speaks of', () => {
    const jobs = documentedJobs(19789, {});
    expect(jobs.filter((job) => 'http_sd_configs' in job)).toHaveLength(1);
    expect(jobs.filter((job) => 'file_sd_configs' in job)).toHaveLength(1);
    for (const job of jobs) expect(job).toMatchObject({ metrics_path: '/probe', scrape_timeout: '10s' });
  });
});
