import { type Asking, askReady } from '../../gateway/http.ts';
import type { GatewayAddress } from '../../openclaw/address.ts';

/** The gateway's own uptime, read twice within a run, differs by no more than the time in between. */
const TOLERANCE_MS = 2_000;

/**
 * Tells whether the gateway behind a forwarder is the one whose process is known here: both addresses then
 * report the same uptime. A proxy that makes the gateway keep its uptime to itself leaves it open.
 */
export class SameGateway {
  #proved: string | undefined;

  /** `key` names the process and the forwarded address. Rejects only when the signal fires. */
  async isSame(
    key: string,
    asking: Omit<Asking, 'address'>,
    forwarded: GatewayAddress,
    own: GatewayAddress,
  ): Promise<boolean> {
    if (this.#proved === key) return true;
    const [there, here] = await Promise.all([
      askReady({ ...asking, address: forwarded }),
      askReady({ ...asking, address: own }),
    ]);
    const isSame =
      there?.uptimeMs !== undefined &&
      here?.uptimeMs !== undefined &&
      Math.abs(there.uptimeMs - here.uptimeMs) < TOLERANCE_MS;
    this.#proved = isSame ? key : undefined;
    return isSame;
  }
}
