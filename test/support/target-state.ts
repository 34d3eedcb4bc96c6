import type { Evidence } from '../../src/core/collector.ts';
import type { TargetState } from '../../src/core/collector-loop.ts';

/** A target of which one piece of evidence is known: that a gateway answers, where nothing else is said. */
export function targetState(evidence: Partial<Evidence>, state: Partial<TargetState> = {}): TargetState {
  const whole: Evidence = {
    layer: 'answers',
    subject: 'gateway',
    verdict: 'ok',
    text: 'answers',
    ...evidence,
  };
  return { collector: 'ping', target: 'a', atMs: 0, evidence: [whole], ...state };
}
