import type { Evidence } from '../../core/collector.ts';
import { CHILD_KINDS, type ChildKind } from '../../lib/vocabulary.ts';
import { gauge, type Sample } from '../../metrics/family.ts';
import type { ChildGroup } from '../../openclaw/children.ts';

/** What runs below the gateway, by kind; a kind that is missing has no process. */
export type Children = ReadonlyMap<ChildKind, ChildGroup>;

/** More than this many are no ordinary work; the alert waits besides (`children_max` of the rules). */
const MANY = 50;
const MEBIBYTE = 1024 ** 2;
const ABSENT = 'no gateway process is alive, its state cannot be read, or the gateway is on another machine';
const KIND_NAMES: Readonly<Record<ChildKind, string>> = {
  mcp: 'of MCP servers',
  browser: 'of browsers',
  command: 'of commands',
  agent_cli: 'of agent CLIs',
  other: 'other',
};

const children = gauge(
  'openclaw_gateway_children',
  'Processes below the gateway process by kind: mcp (MCP servers), browser, command (of jobs and agents), agent_cli, other (its own helpers and what is not recognised).',
  {
    labels: ['kind'],
    meaning: { absent: ABSENT, zero: 'none of this kind', one: 'one process of this kind' },
  },
);
const memory = gauge(
  'openclaw_gateway_children_resident_memory_bytes',
  'Resident memory of the processes below the gateway process by kind, without the gateway process; pages that several of them share are counted for each.',
  { labels: ['kind'], meaning: { absent: ABSENT, zero: 'none of this kind' } },
);

/** The metrics of the processes below the gateway. */
export const CHILDREN_FAMILIES = [children, memory];

/** Samples of every kind; none where no gateway lives. */
export function childrenSamples(seen: Children | undefined): Sample[] {
  if (seen === undefined) return [];
  return CHILD_KINDS.flatMap((kind) => {
    const { count, residentBytes } = seen.get(kind) ?? { count: 0, residentBytes: 0 };
    return [children.sample(count, { kind }), memory.sample(residentBytes, { kind })];
  });
}

/** A warning where many processes run below the gateway, nothing otherwise. */
export function childrenEvidence(subject: string, seen: Children | undefined): Evidence[] {
  const groups = [...(seen ?? [])].toSorted(([, one], [, other]) => other.count - one.count);
  const total = groups.reduce((sum, [, { count }]) => sum + count, 0);
  if (total <= MANY) return [];
  const bytes = groups.reduce((sum, [, { residentBytes }]) => sum + residentBytes, 0);
  const kinds = groups.map(([kind, { count }]) => `${count} ${KIND_NAMES[kind]}`).join(', ');
  return [
    {
      layer: 'process',
      subject,
      verdict: 'warning',
      text: `${total} processes run below the gateway (${kinds}); they hold ${Math.round(bytes / MEBIBYTE)} MiB`,
      repair: 'openclaw gateway restart',
      fault: 'children',
    },
  ];
}
