import type { Evidence } from '../../core/collector.ts';
import type { GatewayState } from '../../lib/vocabulary.ts';
import type { Pinged } from './metrics.ts';
import { failingSubsystems, isYoung } from './state.ts';

type Words = Pick<Evidence, 'verdict' | 'text' | 'repair' | 'cause'>;

/** What a ping showed, in words, with the next step. `subject` is host:port. */
export function pingEvidence(pinged: Pinged, subject: string, port: number): Evidence[] {
  const { answers, opening } = pinged;
  const failing = failingSubsystems(answers.ready);
  const all: Words[] = [stateWords(pinged, port)];
  if (answers.ready?.ready === false) {
    const named = failing.length === 0 ? 'it does not say what' : failing.join(', ');
    all.push({
      verdict: 'warning',
      text: `answers, but is not ready; failing: ${named}`,
      repair: 'openclaw status --deep',
    });
  }
  if (answers.health.state === 'live' && opening?.outcome.state === 'failed') {
    all.push({
      verdict: 'warning',
      text: `HTTP answers, the WebSocket does not open: ${opening.outcome.reason}`,
      repair: 'openclaw gateway status',
    });
  }
  return all.map((words) => ({ layer: 'answers', subject, ...words }));
}

function stateWords(pinged: Pinged, port: number): Words {
  const { health } = pinged.answers;
  if (pinged.state === 'up' && health.state === 'live') {
    return { verdict: 'ok', text: `answers /healthz in ${Math.round(health.httpSeconds * 1000)} ms` };
  }
  // A restart, the step for a lost listener, would only have it start anew.
  if (pinged.state === 'refused' && isYoung(pinged.answers)) {
    return { verdict: 'warning', text: 'nothing listens on the port yet: the gateway is starting' };
  }
  const reason = 'reason' in health ? `: ${health.reason}` : '';
  return { ...WORDS[pinged.state](reason, port) };
}

const WORDS: Readonly<Record<GatewayState, (reason: string, port: number) => Words>> = {
  unreachable: (reason) => ({
    verdict: 'bad',
    text: `the gateway's host cannot be reached${reason}`,
    repair: 'check name, route and VPN to the host (tailscale status), then openclaw gateway probe',
    cause: 'network',
  }),
  refused: () => ({
    verdict: 'bad',
    text: 'nothing listens on the port: the gateway is not running, or has lost its listener',
    repair: 'openclaw gateway restart',
  }),
  foreign: (reason, port) => ({
    verdict: 'bad',
    text: `something answers on the port that is not an OpenClaw gateway${reason}`,
    // Without sudo lsof shows no other user's process.
    repair: `sudo lsof -nP -iTCP:${port} -sTCP:LISTEN`,
  }),
  draining: () => ({ verdict: 'warning', text: 'the gateway finishes its work before it stops' }),
  starting: () => ({ verdict: 'warning', text: 'the gateway is starting and does not work yet' }),
  hung: (reason) => ({
    verdict: 'bad',
    text: `the gateway hangs${reason}`,
    repair: 'openclaw gateway restart',
  }),
  up: () => ({ verdict: 'ok', text: 'answers' }),
};
