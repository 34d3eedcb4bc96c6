import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { duration } from '../../../src/config/duration.ts';

const PROMETHEUS = join(import.meta.dirname, '..', '..', '..', 'prometheus');
const text = readFileSync(join(PROMETHEUS, 'alertmanager.yml'), 'utf8');

interface Route {
  readonly receiver?: string | undefined;
  readonly matchers?: readonly string[] | undefined;
  readonly group_by?: readonly string[] | undefined;
  readonly group_interval?: string | undefined;
  readonly repeat_interval?: string | undefined;
  readonly routes?: readonly Route[] | undefined;
}
const route: z.ZodType<Route> = z.looseObject({
  receiver: z.string().optional(),
  matchers: z.array(z.string()).optional(),
  group_by: z.array(z.string()).optional(),
  group_interval: z.string().optional(),
  repeat_interval: z.string().optional(),
  get routes() {
    return z.array(route).optional();
  },
});
const configuration = z.object({
  route,
  inhibit_rules: z.array(
    z.object({
      source_matchers: z.array(z.string()),
      target_matchers: z.array(z.string()),
      equal: z.array(z.string()),
    }),
  ),
});
const config = configuration.parse(parse(text));

const timer = duration(0);
/** Alertmanager's default of --data.retention, and the least that its documentation suggests to keep. */
const RETENTION_MS = timer.parse('120h');
/** Labels by which one fleet is told from another; the rules keep them on every alert. */
const EXTRA_LABELS = ['cluster'];

function allRoutes(node: Route): Route[] {
  return [node, ...(node.routes ?? []).flatMap(allRoutes)];
}

describe('alertmanager.yml', () => {
  const routes = allRoutes(config.route);

  it('groups by fleet, gateway and incident', () => {
    expect(config.route.group_by).toEqual([...EXTRA_LABELS, 'instance', 'incident']);
    for (const { group_by } of routes) {
      if (group_by !== undefined) expect(group_by).toEqual(expect.arrayContaining(EXTRA_LABELS));
    }
  });

  it('inhibits only within one fleet', () => {
    for (const { equal } of config.inhibit_rules) expect(equal).toEqual(expect.arrayContaining(EXTRA_LABELS));
  });

  it('inhibits critical alerts only within their own group', () => {
    for (const { target_matchers, equal } of config.inhibit_rules) {
      if (target_matchers.includes('severity=~"warning|info"')) continue;
      expect(target_matchers).toContain('severity="critical"');
      expect(equal).toEqual(expect.arrayContaining(['instance', 'incident']));
    }
  });

  it('repeats nothing later than Alertmanager remembers that it was sent', () => {
    for (const { repeat_interval } of routes) {
      if (repeat_interval !== undefined) expect(timer.parse(repeat_interval)).toBeLessThan(RETENTION_MS);
    }
  });

  it('repeats the heartbeat each time its group is considered', () => {
    const heartbeat = routes.find(({ receiver }) => receiver === 'heartbeat');
    const every = timer.parse(heartbeat?.group_interval);
    expect(timer.parse(heartbeat?.repeat_interval)).toBeLessThan(every);
    expect(every).toBe(60_000);
  });

  it('keeps pages for four hours from being repeated', () => {
    const page = routes.find(({ matchers }) => matchers?.join() === 'severity="critical"');
    expect(page).toMatchObject({ receiver: 'page', repeat_interval: '4h' });
  });
});

it('no configuration that is shipped has mute times', () => {
  const files = readdirSync(PROMETHEUS, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.yml'))) {
    expect(readFileSync(join(PROMETHEUS, file), 'utf8')).not.toMatch(/(?:mute|active)_time_intervals/);
  }
});
