import type { Machine } from '../../src/diagnosis/machine.ts';

/** A Linux machine without a service manager, on which a gateway of today runs. */
export const MACHINE: Machine = {
  local: true,
  platform: 'linux',
  service: undefined,
  version: '2026.9.6',
  alive: true,
  pid: 4711,
};
