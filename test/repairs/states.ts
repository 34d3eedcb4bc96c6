/** The states that the campaign brings about and repairs. */
export const STATES = [
  'dead',
  'hung',
  'mismatch',
  'crash-loop',
  'drift',
  'second-gateway',
  'healthy',
] as const;
/** One of {@link STATES}. */
export type State = (typeof STATES)[number];
