import { Metrics } from '../../src/metrics/metrics.ts';
import { type StatusPageInput, statusPage } from '../../src/web/page/page.ts';
import { MACHINE } from './machine.ts';

/** The status page at `nowMs` of an exporter that has seen nothing but what is given. */
export function renderPage(nowMs: number, input: Partial<StatusPageInput> = {}): Promise<string> {
  return statusPage({
    telemetryPath: '/metrics',
    states: [],
    layerSince: () => undefined,
    metrics: new Metrics(),
    version: '1.2.3',
    nowMs,
    graceMs: 600_000,
    isReady: true,
    machine: MACHINE,
    showsDetails: false,
    ...input,
  });
}
