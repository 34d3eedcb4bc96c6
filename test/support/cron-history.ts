import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { isVersionBefore } from '../../src/openclaw/versions.ts';
import { type Series, sampleOf } from './exposition.ts';
import type { GatewayHome } from './openclaw.ts';

/** A finished run as the gateway itself remembers it. */
export interface RememberedRun {
  readonly jobId: string;
  readonly runAtMs: number;
  readonly status: string;
}

const row = z.object({ jobId: z.string(), runAtMs: z.number(), status: z.string() });

/** Before 2026.8: a row a finished run; an interrupted one is called an error there and says so. */
const RUN_LOGS = `
  SELECT job_id AS jobId, run_at_ms AS runAtMs,
    CASE WHEN error = 'cron: job interrupted by gateway restart' THEN 'interrupted' ELSE status END AS status
  FROM cron_run_logs`;

/** Receipts tell the status; where the newest 64 a job have pushed one out, the task history does. */
const RECEIPTS_AND_TASKS = `
  SELECT job_id AS jobId, started_at_ms AS runAtMs, status FROM cron_run_receipts WHERE status <> 'running'
  UNION
  SELECT source_id, started_at, json_extract(detail_json, '$.status') FROM task_runs
  WHERE runtime = 'cron' AND json_extract(detail_json, '$.kind') = 'cron-run'
    AND NOT EXISTS (SELECT 1 FROM cron_run_receipts WHERE job_id = source_id AND started_at_ms = started_at)`;

/** All finished runs in a gateway's own storage; to be read while the gateway is stopped. */
export function rememberedRuns(home: GatewayHome): RememberedRun[] {
  if (isVersionBefore(home.version, [2026, 6])) return fromFiles(home);
  return fromDatabase(home, isVersionBefore(home.version, [2026, 8]) ? RUN_LOGS : RECEIPTS_AND_TASKS);
}

function fromDatabase(home: GatewayHome, query: string): RememberedRun[] {
  const database = new DatabaseSync(join(home.stateDir, 'state', 'openclaw.sqlite'), { readOnly: true });
  try {
    return z.array(row).parse(database.prepare(query).all());
  } finally {
    database.close();
  }
}

function fromFiles(home: GatewayHome): RememberedRun[] {
  const folder = join(home.stateDir, 'cron', 'runs');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl')) : [];
  return names.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => row.parse(JSON.parse(line))),
  );
}

/** How a finished run may have ended. */
const STATUSES = ['ok', 'error', 'skipped', 'interrupted', 'superseded'] as const;

/** What the exporter counts of a job's runs that ended so; 0 where it shows nothing. */
export function counted(series: readonly Series[], jobId: string, status: string): number {
  return sampleOf(series, 'openclaw_cron_runs_total', { cron_job_id: jobId, status }) ?? 0;
}

/** What the exporter counts, by job and then by status. */
export function countedTotals(series: readonly Series[], jobIds: readonly string[]): number[][] {
  return jobIds.map((id) => STATUSES.map((status) => counted(series, id, status)));
}

/** What the gateway remembers, as {@link countedTotals}. */
export function rememberedTotals(history: readonly RememberedRun[], jobIds: readonly string[]): number[][] {
  const runs = (id: string, status: string) =>
    history.filter((run) => run.jobId === id && run.status === status).length;
  return jobIds.map((id) => STATUSES.map((status) => runs(id, status)));
}
