/**
 * The colours of states. Red, amber and green mean a state and nothing else; what is no state has {@link SERIES}.
 * Readable on a light and on a dark background, told apart by people who confuse red and
 * green, and always beside a word.
 */
export const STATE = {
  good: '#2a9d6f',
  warn: '#d99a00',
  bad: '#d1344b',
  /** Planned or passing: starting, draining, maintenance. */
  passing: '#3d7fc7',
  /** An exporter looks and cannot tell. */
  unknown: '#8a63c4',
  /** Nobody looks, or nothing was recorded. */
  noData: '#6e7681',
} as const;

export type State = keyof typeof STATE;

/** Everything that is not a state. */
export const NEUTRAL = { strong: '#8b98a9', soft: '#5f6b7a' } as const;

/** Series that stand for no state, from cyan to pink: none is taken for red, amber or green. */
export const SERIES = ['#1e95b0', '#5294d6', '#6470d6', '#9478e0', '#b05ccb', '#cf66aa', '#8290a3'] as const;

/** Every colour a dashboard may name. */
export const PALETTE: readonly string[] = [
  ...Object.values(STATE),
  ...Object.values(NEUTRAL),
  ...SERIES,
  'transparent',
];

export const NO_DATA = 'no data';
