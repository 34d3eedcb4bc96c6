import type { CollectorContext } from '../../core/context.ts';
import type { Publish } from '../../core/facts.ts';
import { homeFolder } from '../../lib/paths.ts';
import { isVersionBefore } from '../../openclaw/versions.ts';
import { cronApiSource } from './api-connection.ts';
import { GuardedSource } from './guard.ts';
import type { CronSource, SourceReading, SourceRun } from './source/cron-source.ts';
import { createFilesSource } from './source/files/reader.ts';
import { createCronLogSource } from './source/logs/reader.ts';
import { completeRule } from './source/logs/settings.ts';
import type { CronJob, JobOrigin } from './source/records.ts';
import { createSqliteSource } from './source/sqlite/reader.ts';

/**
 * Where cron jobs come from; the label values of `openclaw_cron_source_up`. Where two tell
 * a job, the first one counts.
 */
export const CRON_SOURCES = ['sqlite', 'jsonl', 'api', 'logs'] as const;
/** A label value of `openclaw_cron_source_up`. */
export type CronSourceName = (typeof CRON_SOURCES)[number];

type NamedSource = readonly [CronSourceName, GuardedSource];
type Readings = readonly (readonly [CronSourceName, SourceReading])[];

/** How long logs are read in one round, at most. */
const MAX_LOG_MS = 4_000;

/** Sources that a gateway keeps its jobs in itself. */
export const STORES: readonly CronSourceName[] = ['sqlite', 'jsonl'];

/** The sources of one gateway, made anew when its state folder moves. */
export class CronSources {
  readonly #context: CollectorContext;
  readonly #publish: Publish<'channels'>;
  readonly #timeoutMs: number;
  readonly #logs: GuardedSource;
  #gateway: { stateDir: string; sources: readonly NamedSource[] } | undefined;

  constructor(context: CollectorContext, publish: Publish<'channels'>, timeoutMs: number) {
    this.#context = context;
    this.#publish = publish;
    this.#timeoutMs = timeoutMs;
    this.#logs = this.#guard(logSource(context, timeoutMs));
  }

  all(): NamedSource[] {
    const { stateDir } = this.#context.install();
    if (this.#gateway?.stateDir !== stateDir) {
      const { clock } = this.#context;
      const sources: NamedSource[] = [
        ['sqlite', this.#guard(createSqliteSource({ stateDir, now: () => clock.now() }))],
        ['jsonl', this.#guard(createFilesSource({ stateDir }))],
      ];
      if (this.#context.config.cron.api) {
        sources.push(['api', this.#guard(cronApiSource(this.#context, this.#publish, this.#timeoutMs))]);
      }
      this.#gateway = { stateDir, sources };
    }
    return [...this.#gateway.sources, ['logs', this.#logs]];
  }

  async close(): Promise<void> {
    await this.#logs.close();
  }

  #guard(source: CronSource): GuardedSource {
    return new GuardedSource(source, this.#timeoutMs, this.#context.clock);
  }
}

function logSource(
  { config, env, clock, install, platform }: CollectorContext,
  timeoutMs: number,
): CronSource {
  const source = createCronLogSource({
    logs: config.cron.logs?.map(completeRule),
    stateDir: () => install().stateDir,
    home: homeFolder(env),
    clock,
    platform,
    watch: config.cron.log_watch,
    sweepMs: config.cron.log_sweep,
    // A look that is cut has no result at all; one that ends earlier leaves the rest to the next round.
    limits: { roundMs: Math.min(MAX_LOG_MS, timeoutMs / 3) },
  });
  return {
    read: (cursor, _sinceMs, signal) => source.read(cursor, signal),
    close: () => source.close(),
  };
}

/** The jobs that exist, by id, and those that lie unused beside them. */
export interface ExistingJobs {
  readonly jobs: ReadonlyMap<string, CronJob>;
  /** Jobs of a `cron/jobs.json` that a gateway with a database never took over. */
  readonly unmigrated: readonly CronJob[];
}

/**
 * All jobs. `version` is the version of OpenClaw that wrote its configuration last, where that is known;
 * `seen` says which sources were readable before.
 */
export function collectJobs(
  readings: Readings,
  version: string | undefined,
  seen: (name: CronSourceName) => boolean,
): ExistingJobs {
  const jobs = new Map<string, CronJob>();
  const isStored = readings.some(([name, { state }]) => STORES.includes(name) && state === 'read');
  const database = readings.find(([name]) => name === 'sqlite')?.[1].state;
  const hasDatabase = database === 'read' || (database === 'unreadable' && seen('sqlite'));
  // After a downgrade the database is what is left over.
  const isUnused = (name: CronSourceName) => name === 'jsonl' && hasDatabase && !keepsFiles(version);
  for (const [name, reading] of readings) {
    // The gateway's word is up to a minute old: next to its store it would bring back what was just removed.
    if (reading.state !== 'read' || (name === 'api' && isStored) || isUnused(name)) continue;
    for (const job of reading.jobs) if (!jobs.has(job.id)) jobs.set(job.id, job);
  }
  const unmigrated = readings.flatMap(([name, reading]) => {
    return isUnused(name) && reading.state === 'read' ? reading.jobs.filter(({ id }) => !jobs.has(id)) : [];
  });
  return { jobs, unmigrated };
}

/** From this version on jobs are in the database; before, in files. */
const KEEPS_DATABASE = [2026, 6];

function keepsFiles(version: string | undefined): boolean {
  return version !== undefined && isVersionBefore(version, KEEPS_DATABASE);
}

/** How long ago the jobs of {@link collectJobs} were true, at most; milliseconds. */
export function ageOf(readings: Readings): number {
  const isStored = readings.some(([name, { state }]) => STORES.includes(name) && state === 'read');
  const ages = readings.map(([, reading]) => (reading.state === 'read' ? (reading.ageMs ?? 0) : 0));
  return isStored ? 0 : Math.max(0, ...ages);
}

/** All runs that were told in this look. */
export function runsOf(readings: Readings): SourceRun[] {
  return readings.flatMap(([, reading]) => (reading.state === 'read' ? reading.runs : []));
}

/** After the import into the database the files are gone for good, not lost. */
export function wasImported(readings: Readings): boolean {
  const states = new Map(readings.map(([name, { state }]) => [name, state]));
  return states.get('jsonl') === 'absent' && states.get('sqlite') === 'read';
}

/**
 * Whether a job of an origin that no source tells is really gone: every source that could tell it is
 * readable. `seen` says which sources were readable before, so that an absent one is a lost one.
 */
export function certaintyOf(
  readings: Readings,
  seen: (name: CronSourceName) => boolean,
): (origin: JobOrigin) => boolean {
  const imported = wasImported(readings);
  const isLost = (name: CronSourceName, state: SourceReading['state']) =>
    state === 'unreadable' || (state === 'absent' && seen(name) && !(name === 'jsonl' && imported));
  const certain = (names: readonly CronSourceName[]) => {
    const those = readings.filter(([name]) => names.includes(name));
    return (
      those.some(([, { state }]) => state === 'read') &&
      !those.some(([name, { state }]) => isLost(name, state))
    );
  };
  const ofGateway = certain(STORES);
  const ofLogs = certain(['logs']);
  return (origin) => (origin === 'log' ? ofLogs : ofGateway);
}
