import { gauge, type Sample } from '../../metrics/family.ts';
import type { DatabaseFiles, DatabaseName, Quarantine } from './source/databases.ts';
import type { FilesystemSize, Folder } from './source/filesystem.ts';
import { STATE_PARTS } from './source/parts.ts';
import type { WalkOutcome } from './source/walk.ts';

const NO_STATE = 'the gateway is on another machine, or its state folder is not there or cannot be read';

const bytes = gauge(
  'openclaw_state_bytes',
  'Disk space that the state folder takes, by part: database, wal (write-ahead logs), agents (databases and files of agents), sessions, logs, tmp, cache, media, workspace, other.',
  {
    labels: ['part'],
    meaning: {
      absent: `${NO_STATE}; of one part: a folder of it cannot be read; of a large folder: the first walk is under way`,
      zero: 'nothing is stored there',
    },
  },
);
const files = gauge('openclaw_state_files', 'Files in the state folder, by part.', {
  labels: ['part'],
  meaning: {
    absent: 'as openclaw_state_bytes',
    zero: 'there are none',
    one: 'one file',
  },
});
const size = gauge(
  'openclaw_state_filesystem_size_bytes',
  'Size of the filesystem that holds the state folder or the folder for temporary files.',
  { labels: ['folder'], meaning: { absent: `${NO_STATE}, or its disk does not answer` } },
);
const avail = gauge(
  'openclaw_state_filesystem_avail_bytes',
  'Space on that filesystem that users other than root may still use. At 0 the gateway loses messages and cron state.',
  { labels: ['folder'], meaning: { absent: `${NO_STATE}, or its disk does not answer`, zero: 'it is full' } },
);
const walGrowth = gauge(
  'openclaw_state_wal_growth_bytes',
  "Growth of a database's write-ahead log since a checkpoint last wrote to the database; the largest where there are several. A few megabytes are usual; more means that a reader keeps its transaction open.",
  {
    labels: ['database'],
    meaning: {
      absent: `${NO_STATE}, or this version has no such database`,
      zero: 'merged, or the database was seen for the first time',
    },
  },
);
const rollback = gauge(
  'openclaw_state_database_rollback_journal',
  'Whether a database keeps a rollback journal instead of a write-ahead log, as on a network filesystem: readers and writers then block each other.',
  {
    labels: ['database'],
    meaning: {
      absent: `${NO_STATE}, this version has no such database, or it is still empty`,
      zero: 'write-ahead log',
      one: 'rollback journal',
    },
  },
);
const quarantined = gauge(
  'openclaw_state_quarantined',
  'What the gateway has put aside because it is damaged, by kind: database (whole databases), cron_job (rows of jobs). Nothing of it is used until openclaw doctor has repaired it.',
  {
    labels: ['kind'],
    meaning: {
      absent: 'this version keeps no such record, or has not put aside anything yet',
      zero: 'nothing is in quarantine',
      one: 'one database or job is',
    },
  },
);
const longestRead = gauge(
  'openclaw_exporter_longest_read_transaction_seconds',
  "Longest read transaction of this exporter on one of the gateway's databases since it started. Below 0.1: the exporter is not what keeps a write-ahead log from being merged.",
  { meaning: { absent: 'the collector disk is disabled', zero: 'no database was opened yet' } },
);

/** The metrics of the state folder, its disks and its databases. */
export const DISK_FAMILIES = [bytes, files, size, avail, walGrowth, rollback, quarantined, longestRead];

/** Samples of what the state folder holds. */
export function partSamples({ parts, unreadable }: Extract<WalkOutcome, { state: 'walked' }>): Sample[] {
  return STATE_PARTS.filter((part) => !unreadable.has(part)).flatMap((part) => {
    const total = parts.get(part) ?? { bytes: 0, files: 0 };
    return [bytes.sample(total.bytes, { part }), files.sample(total.files, { part })];
  });
}

/** Samples of one folder's filesystem. */
export function filesystemSamples(folder: Folder, { sizeBytes, availBytes }: FilesystemSize): Sample[] {
  return [size.sample(sizeBytes, { folder }), avail.sample(availBytes, { folder })];
}

/** Samples of the databases, and of how long this exporter read in one of them. */
export function databaseSamples(
  databases: readonly DatabaseFiles[],
  growth: ReadonlyMap<DatabaseName, number>,
  quarantine: Quarantine,
  longestSeconds: number,
): Sample[] {
  const modes = Map.groupBy(
    databases.filter(({ journal }) => journal !== undefined),
    ({ name }) => name,
  );
  const kinds = [
    ['database', quarantine.databases],
    ['cron_job', quarantine.cronJobs],
  ] as const;
  return [
    ...[...growth].map(([database, value]) => walGrowth.sample(value, { database })),
    ...[...modes].map(([database, all]) =>
      rollback.sample(all.some(({ journal }) => journal === 'rollback') ? 1 : 0, { database }),
    ),
    ...kinds.flatMap(([kind, value]) => (value === undefined ? [] : [quarantined.sample(value, { kind })])),
    longestRead.sample(longestSeconds, {}),
  ];
}
