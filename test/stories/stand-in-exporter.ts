import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Timeline } from '../../prometheus/tests/timeline.ts';
import type { World } from '../../prometheus/tests/world.ts';

/**
 * When the stories began (Unix time in milliseconds; in the future until they do), and how many
 * of their seconds pass in one.
 */
export interface StoryClock {
  readonly begin: number;
  readonly acceleration: number;
}

/**
 * Stands in for the exporters of several gateways: each path serves the series of one world as they
 * are at the present minute of its story. Nothing is measured; what real exporters show in these
 * states the fault matrix proves.
 */
export class StandInExporter {
  readonly #server: Server;
  readonly #worlds = new Map<string, World>();
  readonly #render: (world: World) => string;

  private constructor(server: Server, render: (world: World) => string) {
    this.#server = server;
    this.#render = render;
  }

  /** Serves once it listens; `clock` gives the stories' time at each scrape. */
  static async start(clock: () => StoryClock): Promise<StandInExporter> {
    const server = createServer();
    const minute = () => storyMinute(clock(), Date.now());
    const started = new StandInExporter(server, (world) => renderWorld(world, clock()));
    server.on('request', ({ url = '' }, response) => {
      const world = started.#worlds.get(url.slice(1));
      const isAway = world === undefined || valueAt(world['up{job="openclaw"}'] ?? [], minute()) === 0;
      response.writeHead(isAway ? 503 : 200, { 'content-type': 'text/plain; version=0.0.4' });
      response.end(isAway ? '' : started.#render(world));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return started;
  }

  /** A scrape target for Prometheus' static_configs. */
  target(instance: string, world: World) {
    this.#worlds.set(instance, world);
    const { port } = this.#server.address() as AddressInfo;
    return { targets: [`127.0.0.1:${port}`], labels: { instance, __metrics_path__: `/${instance}` } };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A timeline's value at a minute; undefined where there is no sample. */
function valueAt(timeline: Timeline, minute: number): number | undefined {
  const [since, value] = timeline.findLast(([from]) => from <= minute) ?? timeline[0] ?? [0, 'gone'];
  if (value === 'gone') return undefined;
  if (typeof value === 'number') return value;
  return value.from + value.perMinute * Math.max(0, minute - since);
}

/** Points in time: seconds since the story's begin in a world, Unix seconds in an exposition. */
const IS_TIME = /_timestamp_seconds|_start_time_seconds/;

/** The minute of the stories at a time; 0 until they begin. */
function storyMinute({ begin, acceleration }: StoryClock, now: number): number {
  return Math.max(0, ((now - begin) / 60_000) * acceleration);
}

function renderWorld(world: World, clock: StoryClock): string {
  const minute = storyMinute(clock, Date.now());
  const lines = Object.entries(world).flatMap(([name, timeline]) => {
    const value = valueAt(timeline, minute);
    if (value === undefined || /^up\b|[{ ]job="/.test(name)) return [];
    const shown = IS_TIME.test(name) ? clock.begin / 1000 + value / clock.acceleration : value;
    return [`${name.replaceAll('", ', '",')} ${shown}`];
  });
  return `${lines.sort().join('\n')}\n`;
}
