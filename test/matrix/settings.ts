import { accelerated, type Thresholds, thresholdsSchema } from '../../prometheus/source/thresholds.ts';
import type { Sshd } from '../support/sshd.ts';

/** Every time in the rules and in Alertmanager's configuration is divided by this. */
export const ACCELERATION = 30;
/**
 * A gateway's stop and start are not accelerated: what takes as long as the first start is no outage, and
 * half as long again no late start.
 */
const START_MARGIN = 1.5;

/** The rules' thresholds for a machine on which a gateway takes `startMs` to start. */
export function matrixThresholds(startMs: number): Thresholds {
  const scaled = accelerated(thresholdsSchema.parse({}), ACCELERATION);
  const seconds = (ms: number) => Math.ceil(ms / 1000) * 1000;
  const awayMs = Math.max(scaled.gateway_down_for, seconds(startMs));
  return {
    ...scaled,
    gateway_down_for: awayMs,
    listener_gone_warn_for: Math.max(scaled.listener_gone_warn_for, awayMs),
    drain_budget: Math.max(scaled.drain_budget, seconds(START_MARGIN * startMs)),
    start_overdue_after: Math.max(scaled.start_overdue_after, seconds(START_MARGIN * startMs)),
    // Which of two causes is told first stays as it is.
    ssh_down_for: scaled.ssh_down_for + awayMs - scaled.gateway_down_for,
  };
}

/** The exporter's configuration: short intervals, times of its own divided like the rules'. */
export function exporterConfig(sshd: Sshd) {
  const host = { target: sshd.target, port: sshd.port, command_interval: '4s' };
  return {
    gateway: { startup_window: '10s' },
    cron: { grace: '20s', publish_delay: '2s' },
    ssh: {
      config_file: sshd.configFile,
      hosts: [
        { ...host, name: 'studio', always_on: true },
        { ...host, name: 'laptop', always_on: false },
      ],
    },
    collectors: {
      process: { interval: '1s' },
      ping: { interval: '1s' },
      token: { interval: '1s' },
      api: { interval: '2s' },
      cron: { interval: '1s' },
      ssh: { interval: '3s' },
      clock: { interval: '2s' },
      maintenance: { interval: '1s' },
      remote: { enabled: false },
      tailscale: { enabled: false },
    },
  };
}

/** See {@link exporterConfig}. */
export type ExporterConfig = ReturnType<typeof exporterConfig>;
