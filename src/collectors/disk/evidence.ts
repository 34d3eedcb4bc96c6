import type { Evidence } from '../../core/collector.ts';
import type { DatabaseName, Quarantine } from './source/databases.ts';
import type { FilesystemSize, Folder } from './source/filesystem.ts';

/** As the alert's `disk_ratio`, `disk_full_ratio` and `disk_horizon`. */
const LOW_RATIO = 0.1;
const FULL_RATIO = 0.02;
const HORIZON_MS = 24 * 3_600_000;
/** A prediction for a filesystem that is half empty is none. */
const TREND_RATIO = 0.5;
/** The gateway shortens a write-ahead log above this. Source: integrity-and-recovery.md of 2026.9.6. */
const PINNED_BYTES = 64 * 1024 ** 2;
const HOUR_MS = 3_600_000;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** One filesystem, and when it is full by its trend. */
export interface MeasuredFolder extends FilesystemSize {
  readonly folder: Folder;
  /** Milliseconds until it is full; undefined where it does not fill. */
  readonly fullInMs: number | undefined;
}

/** How full a filesystem is, and what to do. */
export function filesystemEvidence({ folder, sizeBytes, availBytes, fullInMs }: MeasuredFolder): Evidence {
  const ratio = sizeBytes === 0 ? 1 : availBytes / sizeBytes;
  const subject = folder === 'state' ? 'state folder' : 'temporary folder';
  const left = `its filesystem has ${formatBytes(availBytes)} left (${Math.round(ratio * 100)} %)`;
  const base = { layer: 'process', subject } as const;
  const isFilling = fullInMs !== undefined && fullInMs < HORIZON_MS && ratio < TREND_RATIO;
  if (ratio >= LOW_RATIO && !isFilling) return { ...base, verdict: 'ok', text: left, incidental: true };
  const isFull = ratio < FULL_RATIO || isFilling;
  const trend = isFilling ? ` and is full in ${Math.ceil(fullInMs / HOUR_MS)} h at this rate` : '';
  return {
    ...base,
    verdict: isFull ? 'bad' : 'warning',
    text: `${left}${trend}`,
    repair: 'df -h; then make room: openclaw_state_bytes shows which part of the state is large',
    fault: 'disk',
  };
}

/** What is wrong with the databases; nothing where they are well. */
export function databaseEvidence(
  growth: ReadonlyMap<DatabaseName, number>,
  { databases, cronJobs }: Quarantine,
): Evidence[] {
  const pinned = [...growth].filter(([, value]) => value > PINNED_BYTES);
  const aside = [
    ...(databases ? [`${databases} database(s)`] : []),
    ...(cronJobs ? [`${cronJobs} cron job(s)`] : []),
  ];
  const base = { layer: 'process', verdict: 'warning' } as const;
  return [
    ...pinned.map(
      ([name, value]): Evidence => ({
        ...base,
        subject: `database ${name}`,
        text: `its write-ahead log has grown by ${formatBytes(value)} while the database was not written: a reader keeps its transaction open`,
        repair: 'sudo lsof shows which program has the -wal file open; end that program',
        fault: 'wal-pinned',
      }),
    ),
    ...(aside.length === 0
      ? []
      : [
          {
            ...base,
            subject: 'state folder',
            text: `the gateway has put aside ${aside.join(' and ')} because they are damaged`,
            repair: 'openclaw doctor',
            fault: 'quarantined',
          } satisfies Evidence,
        ]),
  ];
}

/** Bytes for people, such as `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let [value, place] = [bytes, 0];
  while (value >= 1024 && place < UNITS.length - 1) [value, place] = [value / 1024, place + 1];
  return `${value < 10 && place > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[place] ?? 'B'}`;
}
