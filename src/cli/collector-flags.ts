import { COLLECTOR_LIST } from '../collectors/index.ts';

const NAMES: readonly string[] = COLLECTOR_LIST.map(({ name }) => name);

/** The two flags of every collector, as they are written. */
export const COLLECTOR_FLAGS: readonly string[] = NAMES.flatMap((name) => [
  `--collector.${name}`,
  `--no-collector.${name}`,
]);

/** What `--help` and the reference say of them. */
export const COLLECTOR_FLAGS_HELP = `enable or disable a collector, whatever the configuration file says; NAME: ${NAMES.join(', ')}`;

/** A command line without the flags of collectors, and what these say. */
export interface CollectorFlags {
  readonly rest: readonly string[];
  /** Whether a collector is enabled, by its name; those without a flag are missing. */
  readonly switches: ReadonlyMap<string, boolean>;
  readonly problems: readonly string[];
}

/** Takes `--collector.NAME` and `--no-collector.NAME` out of a command line; a name may stand there once. */
export function takeCollectorFlags(args: readonly string[]): CollectorFlags {
  const rest: string[] = [];
  const problems: string[] = [];
  const switches = new Map<string, boolean>();
  for (const arg of args) {
    const groups = /^--(?<no>no-)?collector\.(?<name>.*)$/s.exec(arg)?.groups;
    const name = groups?.name ?? '';
    if (groups === undefined) rest.push(arg);
    else if (!NAMES.includes(name)) problems.push(unknownCollector(groups.no ?? '', name));
    else if (switches.has(name)) problems.push(`${arg}: collector ${name} is given more than once`);
    else switches.set(name, groups.no === undefined);
  }
  return { rest, switches, problems };
}

/** A name is repeated where it is short and plain: whatever else stands there may be a secret. */
function unknownCollector(no: string, name: string): string {
  const shown = /^[a-z_-]{1,16}$/i.test(name) ? name : '…';
  return `--${no}collector.${shown}: no such collector; allowed: ${NAMES.join(', ')}`;
}
