import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** Time that no administrator and no time server can move, and that outlives this process. */
export interface BootClock {
  /** Which start of this machine it is; empty where the system does not tell. */
  boot(): string;
  /** Milliseconds since that start, time asleep included. */
  uptimeMs(): number;
}

/** The machine's own. Source: Linux' boot id; systems without one give the uptime alone. */
export const systemBootClock: BootClock = {
  boot: () => {
    try {
      return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    } catch {
      return '';
    }
  },
  uptimeMs: () => Math.round(uptime() * 1000),
};
