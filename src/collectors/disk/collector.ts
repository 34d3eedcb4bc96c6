import { type Evidence, NOTHING_SEEN, type Observation, type Target } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { longestReadSeconds } from '../../lib/sqlite-readonly.ts';
import { isGatewayHere, tempFolders } from '../../openclaw/install.ts';
import { databaseEvidence, filesystemEvidence } from './evidence.ts';
import { DISK_FAMILIES, databaseSamples, filesystemSamples, partSamples } from './metrics.ts';
import { findDatabases, readQuarantine } from './source/databases.ts';
import { FOLDERS, type Folder, measureFilesystem } from './source/filesystem.ts';
import { StateWalker } from './source/walker.ts';
import { Trend } from './trend.ts';
import { WalGrowth } from './wal.ts';

/**
 * Share of the collector's time after which a target is cancelled, and after which a
 * walk is no longer waited for.
 */
const SHARES = { target: 0.9, walk: 0.25 } as const;

/** What do the gateway's data weigh, how much room is left, and are its databases well? */
export const diskCollector = defineCollector({
  name: 'disk',
  layer: 'process',
  defaults: { intervalMs: 60_000, timeoutMs: 20_000 },
  after: [],
  publishes: [],
  metrics: DISK_FAMILIES,
  create(context, { timeoutMs }) {
    const watch = new DiskWatch(context);
    return { targets: () => watch.targets(timeoutMs), close: () => watch.close() };
  },
});

class DiskWatch {
  readonly #context: CollectorContext;
  readonly #walker: StateWalker;
  readonly #growth = new WalGrowth();
  readonly #trends: Readonly<Record<Folder, Trend>> = { state: new Trend(), temp: new Trend() };

  constructor(context: CollectorContext) {
    this.#context = context;
    this.#walker = new StateWalker(context.clock);
  }

  targets(collectorMs: number): Target[] {
    const install = this.#context.install();
    if (!isGatewayHere(install)) return [];
    const { stateDir } = install;
    const timeoutMs = collectorMs * SHARES.target;
    const folders = { state: stateDir, temp: tempFolders(this.#context.env)[0] ?? '/tmp' };
    return [
      ...FOLDERS.map((folder) => ({
        name: `${folder} filesystem`,
        timeoutMs,
        collect: () => this.#measure(folder, folders[folder]),
      })),
      { name: 'databases', timeoutMs, collect: () => this.#checkDatabases(stateDir) },
      { name: 'parts', timeoutMs, collect: () => this.#addUp(stateDir, collectorMs * SHARES.walk) },
    ];
  }

  close(): Promise<void> {
    return this.#walker.close();
  }

  async #measure(folder: Folder, path: string): Promise<Observation> {
    const outcome = await measureFilesystem(path);
    if (outcome.state === 'missing') return NOTHING_SEEN;
    if (outcome.state === 'unreadable')
      return { kind: 'blind', reason: `the filesystem cannot be measured (${outcome.reason})`, evidence: [] };
    const { sizeBytes, availBytes } = outcome;
    const trend = this.#trends[folder];
    trend.add(this.#context.clock.monotonic(), availBytes);
    const evidence = filesystemEvidence({ folder, sizeBytes, availBytes, fullInMs: trend.predictFull() });
    return { kind: 'seen', samples: filesystemSamples(folder, outcome), evidence: [evidence] };
  }

  async #checkDatabases(stateDir: string): Promise<Observation> {
    const databases = await findDatabases(stateDir);
    const growth = this.#growth.observe(databases);
    const quarantine = readQuarantine(stateDir);
    return {
      kind: 'seen',
      samples: databaseSamples(databases, growth, quarantine, longestReadSeconds()),
      evidence: databaseEvidence(growth, quarantine),
    };
  }

  async #addUp(stateDir: string, waitMs: number): Promise<Observation> {
    const reading = await this.#walker.read(stateDir, waitMs);
    switch (reading.state) {
      case 'walked':
        return { kind: 'seen', samples: partSamples(reading), evidence: [] };
      case 'missing':
      case 'under-way':
        return NOTHING_SEEN;
      case 'unreadable': {
        const reason = `the state folder cannot be measured by part (${reading.reason})`;
        return { kind: 'blind', reason, evidence: [unknownParts(reason)] };
      }
    }
  }
}

function unknownParts(text: string): Evidence {
  return { layer: 'process', subject: 'state folder', verdict: 'unknown', text };
}
