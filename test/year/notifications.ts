import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseDuration } from '../../src/config/duration.ts';

/** Labels of an alert that fires. */
export type Labels = Readonly<Record<string, string>>;

/** What a receiver got. */
export interface Notification {
  readonly minute: number;
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly group: Labels;
  /** Whether nothing of this group was open before. */
  readonly isNew: boolean;
}

const matchers = z.array(z.string()).default([]);
const routeSchema = z.object({
  receiver: z.string(),
  matchers,
  group_by: z.array(z.string()).optional(),
  group_wait: z.string().optional(),
  group_interval: z.string().optional(),
  repeat_interval: z.string().optional(),
  continue: z.boolean().default(false),
});
const configSchema = z.object({
  route: routeSchema.extend({ routes: z.array(routeSchema).default([]) }),
  inhibit_rules: z.array(
    z.object({
      source_matchers: matchers,
      target_matchers: matchers,
      equal: z.array(z.string()).default([]),
    }),
  ),
});
type Config = z.output<typeof configSchema>;

interface Group {
  readonly receiver: string;
  readonly labels: Labels;
  readonly intervalMinutes: number;
  readonly repeatMinutes: number;
  nextMinute: number;
  /** Alerts of the last notification, by their text; empty after one of the end. */
  told: ReadonlySet<string>;
  toldMinute: number;
  /** Alerts that have been in the group and have not been flushed as resolved. */
  members: Map<string, Labels>;
}

/**
 * What Alertmanager does with alerts, computed: routes, groups, waits, repeats and inhibitions as its documentation
 * has them, and that what ends while it is inhibited is dropped without a word. The stories play the real one.
 */
export class Notifications {
  readonly #config: Config;
  readonly #groups = new Map<string, Group>();
  readonly sent: Notification[] = [];

  /** `file` is a configuration of Alertmanager. */
  constructor(file: string) {
    this.#config = configSchema.parse(parse(readFileSync(file, 'utf8')));
  }

  /** The alerts that fire at this minute; to be called for each minute in order. */
  advance(minute: number, firing: readonly Labels[]): void {
    for (const labels of firing) this.#enter(minute, labels);
    const present = new Set(firing.map(formatLabels));
    for (const group of this.#groups.values()) {
      if (minute >= group.nextMinute) this.#flush(minute, group, present, firing);
    }
  }

  #enter(minute: number, labels: Labels): void {
    for (const route of this.#routesOf(labels)) {
      const by = Object.fromEntries(route.group_by.map((name) => [name, labels[name] ?? '']));
      const key = `${route.receiver} ${formatLabels(by)}`;
      const group = this.#groups.get(key) ?? {
        receiver: route.receiver,
        labels: by,
        intervalMinutes: minutes(route.group_interval),
        repeatMinutes: minutes(route.repeat_interval),
        nextMinute: minute + minutes(route.group_wait),
        told: new Set<string>(),
        toldMinute: 0,
        members: new Map<string, Labels>(),
      };
      if (group.members.size === 0) group.nextMinute = minute + minutes(route.group_wait);
      group.members.set(formatLabels(labels), labels);
      this.#groups.set(key, group);
    }
  }

  #routesOf(labels: Labels) {
    const { routes, ...root } = this.#config.route;
    const found: ReturnType<typeof complete>[] = [];
    for (const route of routes) {
      if (!matches(route.matchers, labels)) continue;
      found.push(complete(route, root));
      if (!route.continue) return found;
    }
    return found.length === 0 ? [complete(root, root)] : found;
  }

  #flush(minute: number, group: Group, present: ReadonlySet<string>, firing: readonly Labels[]): void {
    group.nextMinute = minute + group.intervalMinutes;
    const loud = [...group.members].filter(([, labels]) => !this.#isInhibited(labels, firing));
    const now = new Set(loud.map(([key]) => key).filter((key) => present.has(key)));
    const ended = loud.some(([key]) => !present.has(key));
    for (const key of [...group.members.keys()]) if (!present.has(key)) group.members.delete(key);
    const isNew = [...now].some((key) => !group.told.has(key));
    const isRepeat = now.size > 0 && minute - group.toldMinute >= group.repeatMinutes;
    const isEnd = ended && now.size === 0 && group.told.size > 0;
    if (!isNew && !isRepeat && !isEnd) return;
    this.sent.push({
      minute,
      receiver: group.receiver,
      status: isEnd ? 'resolved' : 'firing',
      group: group.labels,
      isNew: group.told.size === 0,
    });
    group.told = now;
    group.toldMinute = minute;
  }

  #isInhibited(labels: Labels, firing: readonly Labels[]): boolean {
    return this.#config.inhibit_rules.some(
      (rule) =>
        matches(rule.target_matchers, labels) &&
        firing.some(
          (source) =>
            matches(rule.source_matchers, source) &&
            // An alert that both sides of a rule match does not inhibit itself.
            !(matches(rule.target_matchers, source) && matches(rule.source_matchers, labels)) &&
            rule.equal.every((name) => (source[name] ?? '') === (labels[name] ?? '')),
        ),
    );
  }
}

type Route = z.output<typeof routeSchema>;

function complete(route: Route, root: Route) {
  return {
    receiver: route.receiver,
    group_by: route.group_by ?? root.group_by ?? [],
    group_wait: route.group_wait ?? root.group_wait ?? '30s',
    group_interval: route.group_interval ?? root.group_interval ?? '5m',
    repeat_interval: route.repeat_interval ?? root.repeat_interval ?? '4h',
  };
}

function minutes(duration: string): number {
  return (parseDuration(duration) ?? 0) / 60_000;
}

function matches(all: readonly string[], labels: Labels): boolean {
  return all.every((matcher) => {
    const [, name = '', operator, value = ''] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(matcher) ?? [];
    const own = labels[name] ?? '';
    const isEqual = operator?.includes('~') === true ? new RegExp(`^(?:${value})$`).test(own) : own === value;
    return operator?.startsWith('!') === true ? !isEqual : isEqual;
  });
}

/** Labels as one text, the same for the same labels. */
function formatLabels(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
