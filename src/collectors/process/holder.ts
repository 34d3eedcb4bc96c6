import type { Holder } from '../../core/facts.ts';
import type { HealthOutcome } from '../../gateway/http.ts';
import type { Finding, OtherHolder } from './find.ts';

/** Statuses with which a proxy says that what is behind it does not answer. Source: RFC 9110, 15.6. */
const FROM_PROXIES = [502, 504];
const MAX_REMEMBERED = 32;

/** The address that is asked, and who named it. */
export interface AskedPort {
  /** As text. */
  readonly address: string;
  /** Whether a URL names it, so that it may be that of a gateway elsewhere. */
  readonly isDeclared: boolean;
  /** Whether openclaw.json says that the gateway is elsewhere, and is reached here. */
  readonly isRemote: boolean;
  readonly call: () => Promise<HealthOutcome>;
}

/**
 * Tells what passes requests on from what does not: by the gateway's answer through it, never by its name.
 * Once seen to pass one on, the same process stays a forwarder when the gateway behind it is gone.
 */
export class HolderJudge {
  readonly #passing = new Set<string>();
  /** Addresses at which a forwarder was seen. */
  readonly #forwarded = new Set<string>();

  /**
   * `call` sends `/healthz` to the address, and is used only where the port is not the gateway's.
   */
  async judge(finding: Pick<Finding, 'holder' | 'gateway'>, port: AskedPort): Promise<Holder> {
    const holder = await this.#judge(finding, port);
    if (holder.kind === 'forwarder') this.#forwarded.add(port.address);
    if (holder.kind === 'gateway') this.#forwarded.delete(port.address);
    return holder;
  }

  async #judge({ holder, gateway }: Pick<Finding, 'holder' | 'gateway'>, port: AskedPort): Promise<Holder> {
    const { address, isDeclared, isRemote, call } = port;
    if (holder.kind === 'gateway') return { kind: 'gateway' };
    if (holder.kind === 'unknown') return { kind: 'unknown', reason: holder.why.reason };
    // Where one passed requests on before, whatever holds the port now is meant to as well: it was started again.
    if (holder.kind === 'other')
      return this.#judgeOther(holder, isDeclared || this.#forwarded.has(address), call);
    // Without a process, packets may still be passed on below sockets, as container engines do.
    if (gateway === undefined && (await call()).state === 'live')
      return { kind: 'forwarder', name: "this machine's network stack", pid: undefined, isProved: true };
    return { kind: 'nobody', isForwarderGone: isRemote || this.#forwarded.has(address) };
  }

  async #judgeOther(
    holder: OtherHolder,
    isMeant: boolean,
    call: () => Promise<HealthOutcome>,
  ): Promise<Holder> {
    const { isGateway } = holder;
    const named = { name: nameHolder(holder), pid: holder.process?.pid };
    if (isGateway) return { kind: 'other', ...named, isGateway };
    const key = keyOf(holder);
    if (this.#passing.has(key)) return { kind: 'forwarder', ...named, isProved: true };
    const outcome = await call();
    if (outcome.state === 'live') {
      if (this.#passing.size >= MAX_REMEMBERED) this.#passing.clear();
      this.#passing.add(key);
      return { kind: 'forwarder', ...named, isProved: true };
    }
    return passesOn(outcome, isMeant)
      ? { kind: 'forwarder', ...named, isProved: false }
      : { kind: 'other', ...named, isGateway };
  }
}

/**
 * Whether this is how a tunnel or a proxy behaves with nothing behind it. `isMeant`: a gateway is meant to be reached
 * at this address; a program that fails there or keeps silent is then one in between.
 */
function passesOn(outcome: HealthOutcome, isMeant: boolean): boolean {
  if (outcome.state === 'dropped') return true;
  if (outcome.state === 'foreign') {
    const { status } = outcome;
    return status !== undefined && (FROM_PROXIES.includes(status) || (isMeant && status >= 500));
  }
  return isMeant && outcome.state === 'silent';
}

function nameHolder({ process, uid }: OtherHolder): string {
  return process?.comm ?? `a program of user id ${uid}`;
}

function keyOf({ process, uid }: OtherHolder): string {
  return process === undefined ? `uid:${uid}` : `${process.pid}:${process.start}`;
}
