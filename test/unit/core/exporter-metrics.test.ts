import { describe, expect, it } from 'vitest';
import { ExporterMetrics } from '../../../src/core/exporter-metrics.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';

async function exposed(externalUrl: string | undefined): Promise<string> {
  const metrics = new Metrics();
  new ExporterMetrics(metrics, '1.2.3').start(externalUrl);
  return metrics.expose('text');
}

describe('openclaw_exporter_external_url_info', () => {
  it('names the URL under which the exporter can be opened', async () => {
    const url = 'https://mini.example.org/openclaw';
    expect(await exposed(url)).toContain(`openclaw_exporter_external_url_info{url="${url}"} 1\n`);
  });

  it('is absent where no URL is set, so that no alert links to nowhere', async () => {
    expect(await exposed(undefined)).not.toMatch(/^openclaw_exporter_external_url_info/m);
  });
});
