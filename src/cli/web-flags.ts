import { isTakenPath, parseWebPath, WEB_PATH_FORM } from '../config/web-path.ts';

/** Where the metrics are without `--web.telemetry-path`. */
export const DEFAULT_TELEMETRY_PATH = '/metrics';

/** Where the pages are. */
export interface WebFlags {
  /** Where the metrics are; `/` puts them in the place of the status page. */
  readonly telemetryPath: string;
}

/** The values of the flags, as they were given. */
export interface WebValues {
  readonly 'web.telemetry-path'?: string | undefined;
}

/** These flags after defaults; with the form of a flag that is none, its default, and one sentence a mistake. */
export function parseWebFlags(values: WebValues): { flags: WebFlags; problems: readonly string[] } {
  const given = values['web.telemetry-path'] ?? DEFAULT_TELEMETRY_PATH;
  const path = parseWebPath(given);
  const isAllowed = path !== undefined && !isTakenPath(path);
  return {
    flags: { telemetryPath: path || '/' },
    problems: isAllowed
      ? []
      : [
          `--web.telemetry-path: ${JSON.stringify(given)} is not allowed; allowed: ${WEB_PATH_FORM}, where no other page is`,
        ],
  };
}
