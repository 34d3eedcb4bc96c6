import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { Child } from './child.ts';
import { blocksOf, textOf } from './pages.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

const SERVER = fileURLToPath(new URL('fleet-server.ts', import.meta.url));

const listening = z.object({ answering: z.array(z.int()), hanging: z.array(z.int()) });

/** How many gateways of each kind a fleet has. */
export interface FleetSize {
  readonly healthy: number;
  /** Answer, and refuse the token that is configured for them. */
  readonly mismatched: number;
  /** Accept connections and never answer. */
  readonly hung: number;
  /** Nothing listens. */
  readonly down: number;
}

export type FleetKind = keyof FleetSize;

export interface Fleet {
  readonly child: Child;
  /** For the exporter's configuration; each has its kind as label. */
  readonly gateways: readonly {
    readonly name: string;
    readonly url: string;
    readonly labels: { readonly kind: FleetKind };
  }[];
}

/** Starts stand-ins for a fleet; their token files lie in `folder`. */
export async function startFleet(size: FleetSize, folder: string, token: string): Promise<Fleet> {
  const env = { FLEET_TOKEN: token };
  const args = [
    '--disable-warning=ExperimentalWarning',
    SERVER,
    `${size.healthy + size.mismatched}`,
    `${size.hung}`,
  ];
  const child = new Child(process.execPath, args, { env });
  const ports = await until(
    () => (child.output.includes('\n') ? listening.parse(JSON.parse(child.output)) : undefined),
    {
      what: 'the fleet to listen',
      timeoutMs: 30_000,
    },
  );
  writeFileSync(join(folder, 'good.token'), token);
  writeFileSync(join(folder, 'wrong.token'), `not-${token}`);
  const closed = await Promise.all(Array.from({ length: size.down }, freePort));
  const group = (kind: FleetKind, all: readonly number[], tokenFile: string) =>
    all.map((port, index) => ({
      name: `${kind}${index}`,
      url: `ws://127.0.0.1:${port}`,
      token_file: join(folder, tokenFile),
      labels: { kind },
    }));
  return {
    child,
    gateways: [
      ...group('healthy', ports.answering.slice(0, size.healthy), 'good.token'),
      ...group('mismatched', ports.answering.slice(size.healthy), 'wrong.token'),
      ...group('hung', ports.hanging, 'good.token'),
      ...group('down', closed, 'good.token'),
    ],
  };
}

const jobs = z.object({ scrape_configs: z.array(z.looseObject({ job_name: z.string() })) });

/**
 * The scrape configurations of the documentation, for an exporter on loopback's `port`, which asks for no
 * password, and with other times.
 */
export function documentedJobs(port: number, times: Readonly<Record<string, string>>) {
  return blocksOf(textOf('docs/fleet.md'), 'yaml')
    .filter((block) => block.startsWith('scrape_configs:'))
    .map((block) =>
      block
        .replaceAll('https://watcher', 'http://watcher')
        .replaceAll('watcher.example.net:10789', `127.0.0.1:${port}`)
        .replaceAll(/^ *(?:scheme|basic_auth): .*\n/gm, ''),
    )
    .flatMap((block) => jobs.parse(parse(block)).scrape_configs)
    .map((job) => ({ ...job, ...times }));
}

/**
 * The documented job that finds its targets through the exporter's `/sd` and asks each through its `/probe`.
 */
export function fleetJob(port: number, times: Readonly<Record<string, string>>) {
  const job = documentedJobs(port, times).find((one) => 'http_sd_configs' in one);
  if (job === undefined) throw new Error('docs/fleet.md has no job with http_sd_configs');
  return { ...job, job_name: 'fleet' };
}
