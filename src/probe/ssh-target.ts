import { sshShares } from '../collectors/ssh/collector.ts';
import { sshEvidence } from '../collectors/ssh/evidence.ts';
import type { SshHost, SshLook } from '../collectors/ssh/host.ts';
import { sshSamples } from '../collectors/ssh/metrics.ts';
import type { Clock } from '../lib/clock.ts';
import type { Slots } from '../lib/slots.ts';
import type { Patience, ProbeOutcome, ProbeTarget } from './probe.ts';
import { SharedLooks } from './shared-looks.ts';

/** As much time as a round of the local collector has. */
const MOST_MS = 25_000;

/** Why there is no verdict in the caller's time. */
const NO_VERDICT = {
  no_turn: 'other probes took all the time',
  overran: 'the look at the host did not end in its time',
};

/** A configured host and what its probes share with others. */
export interface SshTargetOptions {
  readonly host: SshHost;
  readonly clock: Clock;
  readonly slots: Slots;
  /** Fires when the target is not probed any more. */
  readonly signal: AbortSignal;
}

/** An SSH host: its port in each probe, a command when one is due, as the collector does it. */
export class SshTarget implements ProbeTarget {
  readonly labels: Readonly<Record<string, string>>;
  readonly #host: SshHost;
  readonly #looks: SharedLooks<SshLook>;

  constructor({ host, clock, slots, signal }: SshTargetOptions) {
    this.labels = {};
    this.#host = host;
    this.#looks = new SharedLooks({
      clock,
      slots: () => slots,
      mostMs: MOST_MS,
      // A host knows what it owes only from look to look.
      atOnce: 1,
      signal,
      look: (ms) => {
        const endsAtMs = clock.monotonic() + ms;
        return host.look(signal, { ...sshShares(ms), spareMs: () => endsAtMs - clock.monotonic() });
      },
    });
  }

  async probe(patience: Patience): Promise<ProbeOutcome> {
    const shared = await this.#looks.get(patience);
    if (shared.state !== 'seen') return { state: 'busy', reason: NO_VERDICT[shared.state] };
    const look = shared.verdict;
    return {
      state: 'seen',
      success: look.up ?? look.problem === undefined,
      samples: sshSamples(this.#host, look),
      evidence: [sshEvidence(this.#host, look)],
    };
  }
}
