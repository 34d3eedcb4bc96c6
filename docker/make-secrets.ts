import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';

/**
 * Makes whatever secret the stack still lacks, each readable by the one service that needs it, writes Prometheus'
 * target with the host's name as its instance, and hands the storage folder to the exporter's user. Secrets that are
 * there stay: running it again changes none.
 */
const USER = 'prometheus';
/** The users of the official images. */
const PROMETHEUS_UID = 65_534;
const GRAFANA_UID = 472;
const COST = 10;
/** The exporter has the host's network, so Prometheus reaches it at the host's address. */
const EXPORTER_TARGET = 'host.docker.internal:10789';

const [secrets, storage] = process.argv.slice(2);
if (secrets === undefined || storage === undefined) {
  process.stderr.write('usage: make-secrets.ts SECRETS_FOLDER STORAGE_FOLDER\n');
  process.exit(2);
}
const exporterUid = Number(process.env.OPENCLAW_UID ?? 1000);

/** Only root may give files away; a test makes them for itself. */
function give(path: string, uid: number, mode: number): void {
  if (process.getuid?.() === 0) chownSync(path, uid, uid);
  chmodSync(path, mode);
}

function keep(name: string, uid: number, make: () => string): string {
  const path = join(secrets ?? '', name);
  if (!existsSync(path)) writeFileSync(path, make(), { mode: 0o600 });
  const text = readFileSync(path, 'utf8');
  give(path, uid, 0o400);
  return text;
}

const password = () => randomBytes(24).toString('base64url');

mkdirSync(secrets, { recursive: true });
mkdirSync(storage, { recursive: true });
chmodSync(secrets, 0o755);
const exporterPassword = keep('exporter-password', PROMETHEUS_UID, password);
keep(
  'exporter-web.yml',
  exporterUid,
  () => `basic_auth_users:\n  ${USER}: ${hashSync(exporterPassword, COST)}\n`,
);
keep('grafana-admin-password', GRAFANA_UID, password);
const instance = process.env.OPENCLAW_INSTANCE || hostname();
const targets = join(secrets, 'openclaw-targets.json');
rmSync(targets, { force: true });
writeFileSync(targets, `${JSON.stringify([{ targets: [EXPORTER_TARGET], labels: { instance } }])}\n`);
give(targets, PROMETHEUS_UID, 0o400);
give(storage, exporterUid, 0o700);
process.stdout.write('secrets are in place\n');
