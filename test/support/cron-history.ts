import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
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
  switch (home.version) {
    case '2026.5.7':
      return fromFiles(home);
    case '2026.7.35':
      return fromDatabase(home, RUN_LOGS);
    case '2026.9.6':
      return fromDatabase(home, RECEIPTS_AND_TASKS);
  }
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
