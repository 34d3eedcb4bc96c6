import type { Evidence } from '../../core/collector.ts';
import type { Holder } from '../../core/facts.ts';
import type { GatewayState } from '../../lib/vocabulary.ts';
import type { Pinged } from './metrics.ts';
import { failingSubsystems, isYoung } from './state.ts';

type Words = Pick<Evidence, 'verdict' | 'text' | 'repair' | 'cause' | 'fault' | 'pid'>;
type Forwarder = Extract<Holder, { kind: 'forwarder' }>;

/** What a ping showed, in words, with the next step. `subject` is host:port. */
export function pingEvidence(pinged: Pinged, subject: string, port: number): Evidence[] {
  const { answers, opening } = pinged;
  const failing = failingSubsystems(answers.ready);
  const all: Words[] = [stateWords(pinged, port)];
  if (answers.isProxyRefused && pinged.state === 'up') all.push(proxyRefused(answers.holder));
  if (answers.ready?.ready === false) {
    const named = failing.length === 0 ? 'it does not say what' : failing.join(', ');
    all.push({
      verdict: 'warning',
      text: `answers, but is not ready; failing: ${named}`,
      repair: 'openclaw status --deep',
      fault: 'not-ready',
    });
  }
  if (answers.health.state === 'live' && !answers.isProxyRefused && opening?.outcome.state === 'failed') {
    all.push({
      verdict: 'warning',
      text: `HTTP answers, the WebSocket does not open: ${opening.outcome.reason}`,
      repair: 'openclaw gateway status',
    });
  }
  return all.map((words) => ({ layer: 'answers', subject, ...words }));
}

/** Why nothing was asked where openclaw.json cannot be used. */
export function unknownEvidence(reason: string | undefined, subject: string): Evidence[] {
  return [
    {
      layer: 'answers',
      subject,
      verdict: 'unknown',
      text: reason ?? "the gateway's address is unknown",
      fault: 'config-unreadable',
    },
  ];
}

function stateWords(pinged: Pinged, port: number): Words {
  const { health, holder, listensAt } = pinged.answers;
  if (pinged.state === 'up' && health.state === 'live') {
    return { verdict: 'ok', text: `answers /healthz in ${Math.round(health.httpSeconds * 1000)} ms` };
  }
  // A restart, the step for a lost listener, would only have it start anew.
  if (pinged.state === 'refused' && isYoung(pinged.answers)) {
    return {
      verdict: 'warning',
      text: 'nothing listens on the port yet: the gateway is starting',
      fault: 'starting',
    };
  }
  // Where a forwarder stood, the address was meant: what listens elsewhere on this machine explains nothing.
  const wasForwarded = holder?.kind === 'nobody' && holder.isForwarderGone;
  if (pinged.state === 'refused' && listensAt !== undefined && !wasForwarded) {
    return {
      verdict: 'bad',
      text: `nothing listens on port ${port}, which the exporter was told to use; the gateway listens on ${listensAt}`,
      repair: `let gateway.url, OPENCLAW_GATEWAY_URL or OPENCLAW_GATEWAY_PORT name ${listensAt}, or remove it`,
      fault: 'address-drift',
    };
  }
  const reason = 'reason' in health ? `: ${health.reason}` : '';
  if (pinged.answers.isProxyRefused) return { ...proxyRefused(holder), verdict: 'bad' };
  const between = holder && wordsBetween(pinged.state, holder, port, reason);
  return { ...(between ?? WORDS[pinged.state](reason, port)) };
}

function proxyRefused(holder: Holder | undefined): Words {
  const proxy = holder?.kind === 'forwarder' ? nameOf(holder) : 'a proxy';
  return {
    verdict: 'warning',
    text: `answers /healthz, and refuses everything else that ${proxy} passes on (HTTP 403): gateway.trustedProxies does not name this proxy`,
    repair: "add the proxy's address to gateway.trustedProxies in the gateway's openclaw.json",
    fault: 'trusted-proxies',
  };
}

/**
 * Where something on this machine stands before the gateway: which side of it is
 * broken. No command starts one here.
 */
function wordsBetween(state: GatewayState, holder: Holder, port: number, reason: string): Words | undefined {
  if (holder.kind === 'nobody' && holder.isForwarderGone && state === 'refused') {
    return {
      verdict: 'bad',
      text: `nothing listens on port ${port}: the tunnel or proxy to the gateway is gone`,
      repair: `start the tunnel or proxy to the gateway again, such as: ssh -N -L ${port}:127.0.0.1:18789 HOST`,
      cause: 'network',
      fault: 'forwarder-gone',
    };
  }
  if (holder.kind !== 'forwarder') return undefined;
  const text = BEHIND[state]?.(nameOf(holder), reason);
  if (text === undefined) return undefined;
  return {
    verdict: 'bad',
    text,
    repair: `check the gateway on the machine that ${nameOf(holder)} passes requests on to`,
    cause: 'network',
    fault: 'behind-forwarder',
    ...(holder.pid === undefined ? {} : { pid: holder.pid }),
  };
}

const BEHIND: Partial<Readonly<Record<GatewayState, (name: string, reason: string) => string>>> = {
  refused: (name) =>
    `${name} accepts connections, and nothing answers behind it: the gateway it passes requests on to is down`,
  hung: (name, reason) =>
    `${name} accepts connections, and no answer comes back${reason}: the gateway behind it hangs, or the connection to its machine is dead`,
  foreign: (name, reason) => `${name} does not pass requests on to a gateway${reason}`,
};

function nameOf({ name, pid }: Forwarder): string {
  return pid === undefined ? name : `${name} (process ${pid})`;
}

const WORDS: Readonly<Record<GatewayState, (reason: string, port: number) => Words>> = {
  unreachable: (reason) => ({
    verdict: 'bad',
    text: `the gateway's host cannot be reached${reason}`,
    repair: 'check name, route and VPN to the host (tailscale status), then openclaw gateway probe',
    cause: 'network',
    fault: 'unreachable',
  }),
  refused: () => ({
    verdict: 'bad',
    text: 'nothing listens on the port: the gateway is not running, or has lost its listener',
    repair: 'openclaw gateway restart',
    fault: 'gateway-down',
  }),
  foreign: (reason, port) => ({
    verdict: 'bad',
    text: `something answers on the port that is not an OpenClaw gateway${reason}`,
    // Without sudo lsof shows no other user's process.
    repair: `sudo lsof -nP -iTCP:${port} -sTCP:LISTEN`,
    fault: 'port-foreign',
  }),
  draining: () => ({
    verdict: 'warning',
    text: 'the gateway finishes its work before it stops',
    fault: 'draining',
  }),
  starting: () => ({
    verdict: 'warning',
    text: 'the gateway is starting and does not work yet',
    fault: 'starting',
  }),
  hung: (reason) => ({
    verdict: 'bad',
    text: `the gateway hangs${reason}`,
    repair: 'openclaw gateway restart',
    fault: 'gateway-hung',
  }),
  up: () => ({ verdict: 'ok', text: 'answers' }),
};
