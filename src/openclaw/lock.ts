import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { readRegular } from '../lib/regular-file.ts';

/** Locks are a few hundred bytes; a folder anybody may write to is not worth more of our time than this. */
const MAX_LOCKS = 64;
const MAX_BYTES = 16 * 1024;

/** A gateway's word about itself, written when it starts and at each restart inside its process. */
export interface GatewayLock {
  readonly pid: number;
  /** Start ticks on Linux; newer gateways write a number of their own on other systems. */
  readonly startTime: number | undefined;
  readonly createdAtMs: number;
  /** Changes with every start, restarts inside one process included. */
  readonly generation: string;
  /** Whether it is about the gateway of the asked state folder; another profile's lock is not. */
  readonly ours: boolean;
  /** Who wrote it, where anybody may: a word about another user's process is not to be believed. */
  readonly writer: number | undefined;
}

/** Which gateway's locks are looked for, and where. */
export interface LockQuery {
  readonly stateDir: string;
  readonly configPath: string;
  /** Folders for temporary files that a gateway may use; older gateways lock there. */
  readonly tempDirs: readonly string[];
}

/** A lock's text; older gateways write no port, state folder, owner or role. Source: gateway-lock of 2026.5.7 and 2026.9.6. */
const payload = z.object({
  pid: z.int().min(1),
  createdAt: z.iso.datetime(),
  configPath: z.string(),
  ownerId: z.string().min(1).optional(),
  stateDir: z.string().optional(),
  role: z.string().optional(),
  startTime: z.number().optional(),
});

/**
 * The gateway locks under the state folder (`tmp/openclaw-UID/`, newer) and the temporary folders (`openclaw-UID/`,
 * older). A lock stays behind when a gateway is killed: it proves nothing until a process with its pid and start is
 * found. Locks of maintenance commands are left out. Never rejects but for the signal.
 */
export async function gatewayLocks(query: LockQuery, signal: AbortSignal): Promise<GatewayLock[]> {
  const own = { stateDir: await resolved(query.stateDir), configPath: await resolved(query.configPath) };
  const locks: GatewayLock[] = [];
  const inState = join(own.stateDir, 'tmp');
  const parents = new Set([inState, ...query.tempDirs]);
  for (const parent of parents) {
    for (const user of await entries(parent, /^openclaw-\d+$/)) {
      const folder = join(parent, user);
      for (const name of await entries(folder, /^gateway\..*\.?lock$/)) {
        signal.throwIfAborted();
        const path = join(folder, name);
        const lock = await readLock(path, query, own);
        if (lock === undefined) continue;
        locks.push({ ...lock, writer: parent === inState ? undefined : await ownerOf(path) });
      }
    }
  }
  return locks;
}

/** Reads a lock's text; undefined where it is none or a maintenance command's. */
function parseLock(text: string): z.output<typeof payload> | undefined {
  const parsed = payload.safeParse(parseJson(text));
  if (!parsed.success || (parsed.data.role ?? 'gateway') !== 'gateway') return undefined;
  return parsed.data;
}

async function readLock(
  path: string,
  query: LockQuery,
  own: Pick<LockQuery, 'stateDir' | 'configPath'>,
): Promise<Omit<GatewayLock, 'writer'> | undefined> {
  const lock = parseLock(await tryText(path));
  if (lock === undefined) return undefined;
  const sameState = lock.stateDir !== undefined && [query.stateDir, own.stateDir].includes(lock.stateDir);
  const sameConfig = [query.configPath, own.configPath].includes(lock.configPath);
  return {
    pid: lock.pid,
    startTime: lock.startTime,
    createdAtMs: Date.parse(lock.createdAt),
    generation: lock.ownerId ?? lock.createdAt,
    ours: sameState || sameConfig || (await resolved(lock.configPath)) === own.configPath,
  };
}

async function tryText(path: string): Promise<string> {
  try {
    return await readRegular(path, MAX_BYTES);
  } catch {
    return '';
  }
}

/** The user id of a file's owner; -1, which is nobody's, where it cannot be told. */
async function ownerOf(path: string): Promise<number> {
  try {
    return (await stat(path)).uid;
  } catch {
    return -1;
  }
}

async function entries(folder: string, pattern: RegExp): Promise<string[]> {
  try {
    return (await readdir(folder))
      .filter((name) => pattern.test(name))
      .sort()
      .slice(0, MAX_LOCKS);
  } catch {
    return [];
  }
}

/** The path with its symbolic links followed as far as it exists. */
async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const parent = join(path, '..');
    if (codeOf(error) !== 'ENOENT' || parent === path) return path;
    return join(await resolved(parent), path.slice(parent.length).replace(/^\/+/, ''));
  }
}
