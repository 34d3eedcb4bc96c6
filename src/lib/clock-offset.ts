/**
 * What a host told of its time: it lies between `seconds` and `seconds +
 * resolution`, in seconds since the epoch.
 */
export interface RemoteTime {
  readonly seconds: number;
  readonly resolution: number;
}

/** Remote minus local time, and what it may be wrong by in either direction; both in seconds. */
export interface ClockOffset {
  readonly offset: number;
  readonly uncertainty: number;
}

/**
 * When something was asked and answered by the local clock, and how long that took by one that never jumps.
 */
export interface Exchange {
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly tookMs: number;
}

/**
 * `date +%s.%N`: GNU and newer BSD print nine digits; older ones and busybox print whole
 * seconds and the rest as a text.
 */
const TIME = /^(?<whole>\d{9,11})\.(?:(?<nanos>\d{9})|%?N?)\r?$/gm;
/** A local clock that was set while the answer was under way: the difference means nothing. */
const JUMP_MS = 100;

/**
 * Reads the last line that is a time from what a remote `date +%s.%N` printed; undefined where there is none.
 */
export function parseRemoteTime(stdout: string): RemoteTime | undefined {
  const groups = [...stdout.matchAll(TIME)].at(-1)?.groups;
  if (groups?.whole === undefined) return undefined;
  return groups.nanos === undefined
    ? { seconds: Number(groups.whole), resolution: 1 }
    : { seconds: Number(groups.whole) + Number(groups.nanos) / 1e9, resolution: 1e-9 };
}

/**
 * How far the remote clock is ahead. The remote time was taken at some moment of the exchange, so the middle
 * is the best guess, and half the exchange plus half the resolution is what it may be wrong by.
 */
export function clockOffset(
  remote: RemoteTime | undefined,
  { startedAtMs, endedAtMs, tookMs }: Exchange,
): ClockOffset | undefined {
  if (remote === undefined || Math.abs(endedAtMs - startedAtMs - tookMs) > JUMP_MS) return undefined;
  const local = (startedAtMs + tookMs / 2) / 1000;
  return {
    offset: remote.seconds + remote.resolution / 2 - local,
    uncertainty: tookMs / 2000 + remote.resolution / 2,
  };
}
