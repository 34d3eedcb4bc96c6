import { type Evidence, NOTHING_SEEN, type Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { recentAnswers } from '../../core/facts.ts';
import { type Deadlines, deadlines } from '../../gateway/deadlines.ts';
import { askStartup } from '../../gateway/http.ts';
import type { DatabaseReading } from '../../lib/sqlite-readonly.ts';
import { UPDATE_STATUSES } from '../../lib/vocabulary.ts';
import { gauge, type Sample, stateset } from '../../metrics/family.ts';
import { isGatewayHere } from '../../openclaw/install.ts';
import { findPackage, type InstalledVersion, readInstalledVersion } from '../../openclaw/package.ts';
import { isVersionBefore, parseVersion } from '../../openclaw/versions.ts';
import { UpdateRunReader, type UpdateRuns } from './source/update-runs.ts';

/** How long the end of a failed update is shown. */
const FAILED_SHOWN_MS = 24 * 3_600_000;
const SUBJECT = 'version';

const installedInfo = gauge(
  'openclaw_gateway_installed_info',
  'Version of the installed OpenClaw package, which the next start of the gateway runs; always 1.',
  {
    labels: ['version'],
    meaning: {
      absent:
        'the package is not found: the gateway is on another machine, or it is neither running nor on the search path',
      one: 'always',
    },
  },
);
const skew = gauge(
  'openclaw_gateway_version_skew',
  'Whether the gateway runs another version than the installed one.',
  {
    meaning: {
      absent: 'the installed or the running version is not known',
      zero: 'both are the same',
      one: 'the next restart applies the installed version, whenever that is',
    },
  },
);
const updateRunning = gauge(
  'openclaw_gateway_update_running',
  'Whether an update of OpenClaw is running, as the gateway records it.',
  {
    meaning: {
      absent: 'gateways up to 2026.9.1 keep no record of updates, or it cannot be read',
      zero: 'none is running',
      one: 'an update is running; one that was killed is recorded as running until the gateway gives it up',
    },
  },
);

const lastUpdate = gauge(
  'openclaw_gateway_last_update_status',
  'How the last update of OpenClaw ended, as the gateway records it; exactly one series is 1.',
  {
    labels: ['status'],
    meaning: {
      absent: 'no update is on record: none was ever finished, or gateways up to 2026.9.1 keep no record',
      zero: 'not this way',
      one: 'this way',
    },
  },
);
const lastUpdateTime = gauge(
  'openclaw_gateway_last_update_timestamp_seconds',
  'When the last update of OpenClaw ended, as Unix time.',
  { meaning: { absent: 'no update is on record' } },
);
const configNewer = gauge(
  'openclaw_gateway_config_newer',
  'Whether openclaw.json was written by a newer version of OpenClaw than the installed one.',
  {
    meaning: {
      absent: 'the installed version or the one that wrote openclaw.json is not known',
      zero: 'the installed version is the same or newer',
      one: 'an older version is installed now: its next start may refuse the configuration',
    },
  },
);

/** Which version is installed, which one runs, and is an update under way? */
export const versionsCollector = defineCollector({
  name: 'versions',
  layer: 'process',
  defaults: { intervalMs: 60_000, timeoutMs: 5_000 },
  after: ['process', 'ping', 'token'],
  publishes: [],
  metrics: [installedInfo, skew, updateRunning, lastUpdate, lastUpdateTime, configNewer],
  create(context, { timeoutMs }) {
    const watch = new VersionWatch(context, deadlines(timeoutMs));
    return {
      targets: () => [
        { name: 'versions', timeoutMs: watch.limits.targetMs, collect: (signal) => watch.collect(signal) },
      ],
    };
  },
});

/** What one run learned. */
export interface VersionFacts {
  readonly installed: InstalledVersion;
  /** Undefined where the gateway does not answer or does not tell. */
  readonly running: string | undefined;
  readonly updates: DatabaseReading<UpdateRuns>;
  /** The version that wrote openclaw.json last. */
  readonly writtenBy: string | undefined;
  readonly nowMs: number;
}

class VersionWatch {
  readonly limits: Deadlines;
  readonly #context: CollectorContext;
  readonly #updates: UpdateRunReader;
  /** The package of the process that was seen last: it stays when that one ends. */
  #package: { readonly identity: string; readonly folder: string } | undefined;

  constructor(context: CollectorContext, limits: Deadlines) {
    this.#context = context;
    this.limits = limits;
    this.#updates = new UpdateRunReader(() => context.clock.now());
  }

  async collect(signal: AbortSignal): Promise<Observation> {
    const { clock } = this.#context;
    const install = this.#context.install();
    if (!isGatewayHere(install)) return NOTHING_SEEN;
    const { stateDir, writtenBy } = install;
    const [folder, running] = await Promise.all([this.#findFolder(), this.#askVersion(signal)]);
    signal.throwIfAborted();
    const installed: InstalledVersion =
      folder === undefined ? { state: 'absent' } : await readInstalledVersion(folder);
    const updates = this.#updates.read(stateDir);
    return observeVersions({ installed, running, updates, writtenBy, nowMs: clock.now() });
  }

  async #findFolder(): Promise<string | undefined> {
    const { facts, env } = this.#context;
    const process = facts('process');
    const known = this.#package;
    if (known !== undefined && (process === undefined || process.identity === known.identity)) {
      return known.folder;
    }
    const folder = await findPackage(process?.row, env.PATH);
    if (folder !== undefined && process !== undefined) {
      this.#package = { identity: process.identity, folder };
    }
    return folder;
  }

  /** What it says of itself: at `/startupz` from 2026.9 on, else in answer to the last proved credential. */
  async #askVersion(signal: AbortSignal): Promise<string | undefined> {
    const { clock, install, facts } = this.#context;
    const { connectMs, answerMs } = this.limits;
    const answers =
      recentAnswers(facts, clock.monotonic()) ??
      (await askStartup({ address: install().address, clock, connectMs, answerMs, signal }));
    if (answers?.version !== undefined) return answers.version;
    const [proved, process] = [facts('provedCredential'), facts('process')];
    const isSame = process !== undefined && proved?.identity === process.identity;
    return isSame ? proved.greeting?.version : undefined;
  }
}

/** Samples and evidence of what was learned. */
export function observeVersions(found: VersionFacts): Observation {
  const { installed, running } = found;
  const isSkewed =
    installed.state === 'read' && running !== undefined ? installed.version !== running : undefined;
  const isNewer = isConfigNewer(found);
  const samples: Sample[] = [
    ...(installed.state === 'read' ? [installedInfo.sample(1, { version: installed.version })] : []),
    ...(isSkewed === undefined ? [] : [skew.sample(isSkewed ? 1 : 0, {})]),
    ...(isNewer === undefined ? [] : [configNewer.sample(isNewer ? 1 : 0, {})]),
    ...updateSamples(found),
  ];
  const evidence = [...versionEvidence(found, isSkewed), ...updateEvidence(found)];
  return installed.state === 'unreadable'
    ? { kind: 'blind', reason: installed.reason, evidence }
    : { kind: 'seen', samples, evidence };
}

function updateSamples({ updates }: VersionFacts): Sample[] {
  if (updates.state !== 'read' || !updates.value.isRecorded) return [];
  const { isRunning, last } = updates.value;
  return [
    updateRunning.sample(isRunning ? 1 : 0, {}),
    ...(last === undefined
      ? []
      : [
          ...stateset(UPDATE_STATUSES, last.status, (status, on) => lastUpdate.sample(on, { status })),
          lastUpdateTime.sample(last.finishedMs / 1000, {}),
        ]),
  ];
}

/** Undefined where one of the two versions is not known. */
function isConfigNewer({ installed, writtenBy }: VersionFacts): boolean | undefined {
  if (installed.state !== 'read' || writtenBy === undefined) return undefined;
  return isVersionBefore(installed.version, parseVersion(writtenBy));
}

function versionEvidence(found: VersionFacts, isSkewed: boolean | undefined): Evidence[] {
  const { installed, running, writtenBy } = found;
  if (installed.state !== 'read') return [];
  const { version } = installed;
  if (isSkewed === true) {
    const text = `${version} is installed and ${running} runs: the next restart applies the installed one`;
    return [{ ...words('warning', text), fault: 'version-skew' }];
  }
  if (isConfigNewer(found) === true) {
    const text = `openclaw.json was written by ${writtenBy}, and ${version} is installed: an older version may refuse to start with it`;
    return [{ ...words('warning', text), fault: 'config-newer', repair: 'openclaw update' }];
  }
  const text = running === undefined ? `${version} is installed` : `${version} is installed and runs`;
  return [{ ...words('ok', text), incidental: true }];
}

function updateEvidence({ updates, nowMs }: VersionFacts): Evidence[] {
  if (updates.state !== 'read') return [];
  const { isRunning, last } = updates.value;
  if (isRunning) return [{ ...words('ok', 'an update is running'), note: true, incidental: true }];
  const isFailed = last?.status === 'failed' || last?.status === 'rolled_back';
  if (!isFailed || nowMs - last.finishedMs > FAILED_SHOWN_MS) return [];
  const text = last.status === 'failed' ? 'the last update failed' : 'the last update was rolled back';
  return [{ ...words('warning', text), fault: 'update-failed', repair: 'openclaw update status' }];
}

function words(verdict: Evidence['verdict'], text: string): Evidence {
  return { layer: 'process', subject: SUBJECT, verdict, text };
}
