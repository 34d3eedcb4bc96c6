import { join } from 'node:path';
import { z } from 'zod';
import { ResultFile } from '../support/result-file.ts';

/** The provider that the jobs of the campaign ask. */
export const FAILING_PROVIDER = 'acme';

/** Ages of OpenClaw, one a month. */
export const AGES = ['2026.5', '2026.6', '2026.7', '2026.8', '2026.9'] as const;
/** One of {@link AGES}. */
export type Age = (typeof AGES)[number];

/** A fact, and the series by which it is seen that a version tells it. */
export interface VersionFact {
  readonly fact: string;
  /** The first age whose tables and texts hold it. */
  readonly since: Age;
  readonly metric: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The series counts from this value on; default: whenever it is there. */
  readonly least?: number;
}

/** What may be told of why something fails, in the order of the table. */
export const VERSION_FACTS: readonly VersionFact[] = [
  {
    fact: 'why the last run of a job failed',
    since: '2026.5',
    metric: 'openclaw_cron_last_error_info',
    labels: { reason: 'auth' },
  },
  {
    fact: 'failed runs by reason',
    since: '2026.5',
    metric: 'openclaw_cron_errors_total',
    labels: { reason: 'auth' },
    least: 1,
  },
  {
    fact: 'the provider of the models that fail',
    since: '2026.5',
    metric: 'openclaw_cron_provider_failing_jobs',
    labels: { provider: FAILING_PROVIDER },
    least: 1,
  },
  {
    fact: 'who disabled a job',
    since: '2026.5',
    metric: 'openclaw_cron_job_disabled_info',
    labels: { by: 'person' },
  },
  {
    fact: 'stored credentials and their cooldown',
    since: '2026.5',
    metric: 'openclaw_provider_credential_cooldown',
  },
  { fact: 'configured channels', since: '2026.5', metric: 'openclaw_channel_up' },
  {
    fact: 'boots by how the one before ended',
    since: '2026.7',
    metric: 'openclaw_gateway_boots_total',
    labels: { reason: 'unclean' },
    least: 1,
  },
  { fact: 'safe mode', since: '2026.7', metric: 'openclaw_gateway_safe_mode' },
  { fact: 'requested restarts', since: '2026.6', metric: 'openclaw_gateway_restart_pending' },
  { fact: 'the installed version', since: '2026.5', metric: 'openclaw_gateway_installed_info' },
  { fact: 'whether it is the running one', since: '2026.5', metric: 'openclaw_gateway_version_skew' },
  {
    fact: 'updates that run or failed (2026.9.1 not yet)',
    since: '2026.9',
    metric: 'openclaw_gateway_update_running',
  },
  { fact: 'child processes by kind', since: '2026.5', metric: 'openclaw_gateway_children' },
  { fact: 'paired devices by role', since: '2026.5', metric: 'openclaw_gateway_devices' },
  { fact: 'pairing requests that wait', since: '2026.5', metric: 'openclaw_gateway_pairing_requests' },
  { fact: 'the delivery queue', since: '2026.5', metric: 'openclaw_delivery_queue_entries' },
  { fact: 'stuck incoming messages', since: '2026.6', metric: 'openclaw_ingress_pressured_lanes' },
  { fact: 'what the state weighs', since: '2026.5', metric: 'openclaw_state_bytes' },
  { fact: 'growth of the write-ahead log', since: '2026.5', metric: 'openclaw_state_wal_growth_bytes' },
  { fact: 'damaged databases put aside', since: '2026.8', metric: 'openclaw_state_quarantined' },
];

const resultSchema = z.strictObject({
  version: z.string(),
  /** Facts of {@link VERSION_FACTS} whose series were shown. */
  told: z.array(z.string()),
  measuredAt: z.string(),
});
/** See {@link resultSchema}. */
export type VersionFacts = z.output<typeof resultSchema>;

const file = new ResultFile(
  process.env.VERSION_FACTS_FILE ?? join(import.meta.dirname, '..', '..', 'docs', 'version-facts.json'),
  resultSchema,
  ({ version }) => version,
);

/** All results so far, in the order of the versions. */
export function readVersionFacts(): VersionFacts[] {
  return file.read().toSorted((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }));
}

/** Puts a result in the place of an older one of its version. */
export function keepVersionFacts(result: VersionFacts): void {
  file.keep(result);
}
