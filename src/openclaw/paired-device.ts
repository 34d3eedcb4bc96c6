import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { readRegular } from '../lib/regular-file.ts';
import { Secret } from '../lib/secret.ts';
import { readDatabase } from '../lib/sqlite-readonly.ts';
import { stateDatabase } from './paths.ts';

/** A device is a kilobyte, and few are paired; the whole file is parsed at once. */
const MAX_FILE_BYTES = 512 * 1024;
/** Of an Ed25519 key in SPKI form; the raw key follows. Source: RFC 8410. */
const SPKI_PREFIX_BYTES = 12;
const ROLE = 'operator';
/** Scopes that hold the right to read. */
const READING_SCOPES = ['operator.read', 'operator.write', 'operator.admin'];

const identity = z.object({ deviceId: z.string(), publicKeyPem: z.string(), privateKeyPem: z.string() });
const scopes = z.array(z.string()).catch([]);
const heldToken = z.object({ token: z.string().min(1), scopes });
const text = z.string().nullish().catch(undefined);
const record = z.object({
  publicKey: z.string(),
  platform: text,
  deviceFamily: text,
  clientId: text,
  clientMode: text,
  displayName: text,
  approvedScopes: scopes.optional(),
  scopes: scopes.optional(),
});
const deviceAuthFile = z.object({ deviceId: z.string(), tokens: z.record(z.string(), z.unknown()) });

/** The device that the OpenClaw CLI of this state folder has paired with the gateway. */
export interface PairedDevice {
  readonly id: string;
  /** Raw, base64url. */
  readonly publicKey: string;
  /** Its own token; the gateway knows it for this device only and never pairs anything on it. */
  readonly token: Secret;
  /** As the gateway has them on record; another one would be written there. */
  readonly client: {
    readonly id: string;
    readonly mode: string;
    readonly platform: string;
    readonly deviceFamily: string | undefined;
    readonly displayName: string | undefined;
  };
  /** Ed25519 signature, base64url. */
  readonly sign: (payload: string) => string;
}

/** The CLI's device, or why there is none to ask with. */
export type PairedDeviceReading =
  | { readonly state: 'paired'; readonly device: PairedDevice }
  | { readonly state: 'none'; readonly reason: string }
  /** What is there may be a paired device as before. */
  | { readonly state: 'unreadable'; readonly reason: string };

interface Stored {
  readonly identity: unknown;
  readonly tokenOf: (deviceId: string) => unknown;
  readonly recordOf: (deviceId: string) => unknown;
}

const NOT_PAIRED =
  'the OpenClaw CLI of this user has no device that is paired with this gateway; openclaw tui pairs one';

/**
 * Finds the CLI's device without writing anything: the state database of 2026.9, the files
 * `identity/device.json`, `identity/device-auth.json` and `devices/paired.json` of 2026.5 and
 * 2026.7. Only a device that the gateway itself has on record with the right to read is given;
 * what is missing is never made.
 */
export async function readPairedDevice(stateDir: string): Promise<PairedDeviceReading> {
  const path = stateDatabase(stateDir);
  const inDatabase = readDatabase(path, (database): Stored | undefined => {
    const tables = database
      .prepare(
        "SELECT count(*) AS n FROM sqlite_master WHERE name IN ('device_identities','device_auth_tokens','device_pairing_paired')",
      )
      .get();
    if (tables?.n !== 3) return undefined;
    const row = (sql: string, ...values: string[]) => database.prepare(sql).get(...values);
    const identityRow = row(
      "SELECT device_id AS deviceId, public_key_pem AS publicKeyPem, private_key_pem AS privateKeyPem FROM device_identities WHERE identity_key = 'primary'",
    );
    // 2026.7 has these tables and leaves them empty: its device still lies in the files.
    if (identityRow === undefined) return undefined;
    const id = z.string().catch('').parse(identityRow.deviceId);
    const token = row(
      'SELECT token, scopes_json AS scopes FROM device_auth_tokens WHERE device_id = ? AND role = ?',
      id,
      ROLE,
    );
    const paired = row(
      'SELECT public_key AS publicKey, platform, device_family AS deviceFamily, client_id AS clientId, client_mode AS clientMode, display_name AS displayName, approved_scopes_json AS approvedScopes, scopes_json AS scopes FROM device_pairing_paired WHERE device_id = ?',
      id,
    );
    return {
      identity: identityRow,
      tokenOf: () => token && { ...token, scopes: fromJson(token.scopes) },
      recordOf: () =>
        paired && {
          ...paired,
          approvedScopes: fromJson(paired.approvedScopes),
          scopes: fromJson(paired.scopes),
        },
    };
  });
  if (inDatabase.state === 'unreadable') return inDatabase;
  const stored = (inDatabase.state === 'read' ? inDatabase.value : undefined) ?? (await readFiles(stateDir));
  return 'reason' in stored ? { state: 'unreadable', reason: stored.reason } : deviceOf(stored);
}

async function readFiles(stateDir: string): Promise<Stored | { readonly reason: string }> {
  try {
    const [device, auth, paired] = await Promise.all([
      jsonOf(join(stateDir, 'identity', 'device.json')),
      jsonOf(join(stateDir, 'identity', 'device-auth.json')),
      jsonOf(join(stateDir, 'devices', 'paired.json')),
    ]);
    const tokens = deviceAuthFile.safeParse(auth).data;
    const records = z.record(z.string(), z.unknown()).safeParse(paired).data;
    return {
      identity: device,
      tokenOf: (id) => (tokens?.deviceId === id ? tokens.tokens[ROLE] : undefined),
      recordOf: (id) => records?.[id],
    };
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return { reason: `the files of the CLI's device cannot be read (${codeOf(error)})` };
  }
}

async function jsonOf(path: string): Promise<unknown> {
  try {
    return parseJson(await readRegular(path, MAX_FILE_BYTES));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function fromJson(value: unknown): unknown {
  return typeof value === 'string' ? parseJson(value) : undefined;
}

function deviceOf(stored: Stored): PairedDeviceReading {
  const keys = keysOf(stored.identity);
  if (keys === undefined) return { state: 'none', reason: NOT_PAIRED };
  const { id, publicKey, privateKey } = keys;
  const token = heldToken.safeParse(stored.tokenOf(id)).data;
  const known = record.safeParse(stored.recordOf(id)).data;
  if (token === undefined || known?.publicKey !== publicKey) return { state: 'none', reason: NOT_PAIRED };
  const approved = known.approvedScopes ?? known.scopes ?? [];
  if (!mayRead(token.scopes) || !mayRead(approved)) {
    return { state: 'none', reason: "the CLI's device is paired without operator.read" };
  }
  const { clientId, clientMode, platform } = known;
  if (!clientId || !clientMode || !platform) {
    return { state: 'none', reason: "the gateway's record of the CLI's device is incomplete" };
  }
  const client = {
    id: clientId,
    mode: clientMode,
    platform,
    deviceFamily: known.deviceFamily ?? undefined,
    displayName: known.displayName ?? undefined,
  };
  const signed = (payload: string) => sign(null, Buffer.from(payload), privateKey).toString('base64url');
  return { state: 'paired', device: { id, publicKey, token: new Secret(token.token), client, sign: signed } };
}

/** Undefined unless the identity is what its own fingerprint says. */
function keysOf(raw: unknown): { id: string; publicKey: string; privateKey: KeyObject } | undefined {
  const stored = identity.safeParse(raw).data;
  if (stored === undefined) return undefined;
  try {
    const der = createPublicKey(stored.publicKeyPem).export({ type: 'spki', format: 'der' });
    const rawKey = der.subarray(SPKI_PREFIX_BYTES);
    if (createHash('sha256').update(rawKey).digest('hex') !== stored.deviceId) return undefined;
    const privateKey = createPrivateKey(stored.privateKeyPem);
    return { id: stored.deviceId, publicKey: rawKey.toString('base64url'), privateKey };
  } catch {
    // Not keys at all; OpenSSL's words for it would quote them.
    return undefined;
  }
}

function mayRead(held: readonly string[]): boolean {
  return held.some((scope) => READING_SCOPES.includes(scope));
}
