import type { CollectorContext } from '../../core/context.ts';
import type { Publish } from '../../core/facts.ts';
import { type ApiOutcome, type Ask, withGatewayApi } from '../../gateway/api.ts';
import { askChannelStatus } from '../../gateway/channel-status.ts';
import { unlessLate } from '../../lib/deadline.ts';
import { ownVersion } from '../../lib/version.ts';
import type { OpenClawInstall } from '../../openclaw/install.ts';
import {
  type PairedDevice,
  type PairedDeviceReading,
  readPairedDevice,
} from '../../openclaw/paired-device.ts';
import { createApiSource } from './source/api.ts';
import type { CronSource } from './source/cron-source.ts';

/** Between two connections, unless somebody says otherwise. */
const EVERY_MS = 60_000;
/** A device that was refused is not shown again for this long, unless its token is another one. */
const REFUSED_MS = 10 * 60_000;
/** Shares of the source's time; the rest is for the farewell. */
const SHARES = { connect: 0.15, answer: 0.7 } as const;
/** The answer about channels comes from memory; cron does not wait longer for it. */
const CHANNELS_MS = 1_000;

type Connected<T> = ApiOutcome<T> | { readonly state: 'waiting'; readonly reason: string };

/**
 * The gateway's own word on its cron jobs, asked only while its credential is proved, or none is configured,
 * and attempts are left.
 * The same connection serves for its channels, which are published.
 */
export function cronApiSource(
  context: CollectorContext,
  publish: Publish<'channels'>,
  timeoutMs: number,
  everyMs = EVERY_MS,
): CronSource {
  const connection = new CronApiConnection(context, timeoutMs);
  return createApiSource({
    connect: (use, signal) =>
      connection.use(async (ask) => {
        const value = await use(ask);
        await publishChannels(ask, context, publish);
        return value;
      }, signal),
    monotonic: () => context.clock.monotonic(),
    everyMs,
  });
}

/** An older report stays where there is no new one: whoever reads it judges its age. */
async function publishChannels(
  ask: Ask,
  { clock }: CollectorContext,
  publish: Publish<'channels'>,
): Promise<void> {
  const asked = askChannelStatus(ask).catch(() => undefined);
  const status = await unlessLate(asked, CHANNELS_MS, clock);
  if (status !== undefined) publish('channels', { atMs: clock.monotonic(), status });
}

class CronApiConnection {
  readonly #context: CollectorContext;
  readonly #timeoutMs: number;
  readonly #version = ownVersion();
  /** One state folder's: another folder has a connection of its own. */
  #known: Extract<PairedDeviceReading, { state: 'paired' }> | undefined;
  #refused: { readonly device: PairedDevice; readonly untilMs: number; readonly reason: string } | undefined;

  constructor(context: CollectorContext, timeoutMs: number) {
    this.#context = context;
    this.#timeoutMs = timeoutMs;
  }

  async use<T>(use: (ask: Ask) => Promise<T>, signal: AbortSignal): Promise<Connected<T>> {
    const install = this.#context.install();
    const obstacle = this.#obstacle(install);
    if (obstacle !== undefined) return { state: 'waiting', reason: `not asked: ${obstacle}` };
    const found = await this.#deviceOf(install);
    signal.throwIfAborted();
    if (found.state !== 'paired') return { state: 'waiting', reason: found.reason };
    const { device } = found;
    const held = this.#heldBack(device);
    if (held !== undefined) return { state: 'waiting', reason: held };
    const entry = this.#context.gate.enter(install.address);
    if (entry.state === 'closed') return { state: 'waiting', reason: `not asked: ${entry.reason}` };
    const outcome = await withGatewayApi(
      {
        address: install.address,
        clock: this.#context.clock,
        connectMs: this.#timeoutMs * SHARES.connect,
        answerMs: this.#timeoutMs * SHARES.answer,
        signal,
        device,
        version: this.#version,
      },
      use,
    );
    this.#settle(entry.attempt, outcome, device);
    return outcome;
  }

  /**
   * The CLI's device; the one of before while its store cannot be read, which is when the
   * gateway's word is needed most.
   */
  async #deviceOf({ stateDir }: OpenClawInstall): Promise<PairedDeviceReading> {
    const found = await readPairedDevice(stateDir);
    if (found.state === 'unreadable') return this.#known ?? found;
    this.#known = found.state === 'paired' ? found : undefined;
    return found;
  }

  /**
   * What speaks against asking now; a device is only shown to a gateway that has
   * just accepted its credential.
   */
  #obstacle(install: OpenClawInstall): string | undefined {
    if (!install.address.local) return 'only a gateway on this machine has its devices in this state folder';
    if (install.authMode === 'none' || install.authMode === 'trusted-proxy') {
      return 'a gateway without token or password would pair what it does not know';
    }
    const { facts, gate } = this.#context;
    const [auth, process] = [facts('provedCredential'), facts('process')];
    if (auth === undefined && this.#isDeviceAlone(install)) return undefined;
    if (auth === undefined || gate.isDoubted) return 'no token is known to be valid';
    const isOther =
      process !== undefined && auth.identity !== undefined && process.identity !== auth.identity;
    return isOther ? 'the gateway is a new process whose token is not checked yet' : undefined;
  }

  /**
   * Whether no token is configured, so that the device's own is all there is to prove. It is shown only to the
   * gateway of this state folder, which its process on the port is known to be.
   */
  #isDeviceAlone({ credential }: OpenClawInstall): boolean {
    return credential === undefined && this.#context.facts('holder')?.kind === 'gateway';
  }

  #heldBack(device: PairedDevice): string | undefined {
    const refused = this.#refused;
    if (refused === undefined || refused.device.id !== device.id) return undefined;
    const isSame = refused.device.token.equals(device.token);
    return isSame && this.#context.clock.monotonic() < refused.untilMs ? refused.reason : undefined;
  }

  #settle(attempt: number, outcome: ApiOutcome<unknown>, device: PairedDevice): void {
    if (outcome.state === 'answered') {
      this.#refused = undefined;
      this.#context.gate.leave(attempt, 'refund');
      return;
    }
    if (outcome.state === 'refused') {
      const untilMs = this.#context.clock.monotonic() + REFUSED_MS;
      this.#refused = { device, untilMs, reason: outcome.reason };
      return;
    }
    // Where its end was not seen, the credential's next success shows whether attempts still count.
    this.#context.gate.leave(attempt, outcome.uncertain ? 'uncertain' : 'refund');
  }
}
