/** From this version on a profile that configures no port has one derived from its name. */
const DERIVES_PORTS = [2026, 8];
/** From this version on a gateway that binds one address of the machine listens on 127.0.0.1 too. */
const BINDS_LOOPBACK_TOO = [2026, 8];
const DEV_PORT = 19_001;

/** Year, month and number of a version such as `2026.9.6`, as far as it has them. */
export function parseVersion(version: string): number[] {
  return version.split('.', 3).map((part) => Number.parseFloat(part));
}

/**
 * Whether a version is older than another one, of which as many parts count as are
 * given: a year and month, or all.
 */
export function isVersionBefore(version: string, other: readonly number[]): boolean {
  const own = parseVersion(version);
  const place = other.findIndex((part, index) => part !== own[index]);
  return (own[place] ?? 0) < (other[place] ?? 0);
}

/**
 * The port of a profile that configures none; undefined where it is the default one. An unknown
 * version counts as a current one.
 */
export function profilePort(profile: string, version: string | undefined): number | undefined {
  if (version !== undefined && isVersionBefore(version, DERIVES_PORTS)) return undefined;
  // FNV-1a, as OpenClaw derives it.
  let hash = 2_166_136_261;
  for (const byte of Buffer.from(profile)) hash = Math.imul(hash ^ byte, 16_777_619);
  return 20_000 + ((hash >>> 0) % 40_000);
}

/** The port that `--profile dev` and `--dev` set in every version; the variable OPENCLAW_PROFILE does not. */
export function folderPort(profile: string, version: string | undefined): number | undefined {
  return profile === 'dev' ? DEV_PORT : profilePort(profile, version);
}

/** Whether a gateway that binds another address than the loopback one can be reached at 127.0.0.1 as well. */
export function bindsLoopbackToo(version: string | undefined): boolean {
  return version !== undefined && !isVersionBefore(version, BINDS_LOOPBACK_TOO);
}
