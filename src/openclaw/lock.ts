import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { NotedFiles } from '../lib/watched-files.ts';
import { parseProcStat } from '../os/proc-process.ts';

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
  /** The port it was started for; newer gateways write it. */
  readonly port: number | undefined;
  /** Whether it is of this state folder's gateway; another profile's lock is not. */
  readonly ours: boolean;
  /**
   * Its owner's user id, in folders where every user may write: proves nothing about another user's process.
   */
  readonly writer: number | undefined;
}

/** Which gateway's locks are looked for, and where. */
export interface LockQuery {
  readonly stateDir: string;
  readonly configPath: string;
  /** Folders for temporary files that a gateway may use; older gateways lock there. */
  readonly tempDirs: readonly string[];
}

/**
 * A lock's text; older gateways write no port, state folder, owner or role. Source:
 * gateway-lock of 2026.5.7 and 2026.9.6.
 */
const payload = z.object({
  pid: z.int().min(1),
  createdAt: z.iso.datetime(),
  configPath: z.string(),
  ownerId: z.string().min(1).optional(),
  stateDir: z.string().optional(),
  role: z.string().optional(),
  startTime: z.number().optional(),
  port: z.int().min(1).max(65_535).optional().catch(undefined),
});

/**
 * The gateway locks under the state folder (`tmp/openclaw-UID/`, newer) and the temporary folders
 * (`openclaw-UID/`, older). A lock stays behind when a gateway is killed: it proves nothing until a process
 * with its pid and start is found. Locks of maintenance commands are left out. Never throws.
 */
export function gatewayLocks(query: LockQuery): GatewayLock[] {
  const own = { stateDir: resolvePath(query.stateDir), configPath: resolvePath(query.configPath) };
  const inState = join(own.stateDir, 'tmp');
  return [...new Set([inState, ...query.tempDirs])].flatMap((parent) =>
    listEntries(parent, /^openclaw-\d+$/).flatMap((user) => {
      const folder = join(parent, user);
      return listEntries(folder, /^gateway\..*\.?lock$/).flatMap((name) => {
        const path = join(folder, name);
        const lock = readLock(path, query, own);
        return lock === undefined
          ? []
          : [{ ...lock, writer: parent === inState ? undefined : ownerOf(path) }];
      });
    }),
  );
}

/** Whether the process that wrote a lock still lives; on systems other than Linux only by its pid. */
export function isLockLiving({ pid, startTime }: GatewayLock): boolean {
  if (process.platform === 'linux') return startTime !== undefined && startOf(pid) === String(startTime);
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** The start ticks of a process that is no zombie. */
function startOf(pid: number): string | undefined {
  try {
    const stat = parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return stat?.state === 'zombie' ? undefined : stat?.startTicks;
  } catch {
    return undefined;
  }
}

/** Reads a lock's text; undefined where it is none or a maintenance command's. */
function parseLock(text: string): z.output<typeof payload> | undefined {
  const parsed = payload.safeParse(parseJson(text));
  if (!parsed.success || (parsed.data.role ?? 'gateway') !== 'gateway') return undefined;
  return parsed.data;
}

function readLock(
  path: string,
  query: LockQuery,
  own: Pick<LockQuery, 'stateDir' | 'configPath'>,
): Omit<GatewayLock, 'writer'> | undefined {
  const read = new NotedFiles().read(path, MAX_BYTES);
  const lock = read.state === 'read' ? parseLock(read.text) : undefined;
  if (lock === undefined) return undefined;
  const sameConfig =
    [query.configPath, own.configPath].includes(lock.configPath) ||
    resolvePath(lock.configPath) === own.configPath;
  // One configuration may serve two state folders, and then the folder decides.
  const sameState =
    lock.stateDir === undefined
      ? undefined
      : [query.stateDir, own.stateDir].includes(lock.stateDir) || resolvePath(lock.stateDir) === own.stateDir;
  return {
    pid: lock.pid,
    startTime: lock.startTime,
    createdAtMs: Date.parse(lock.createdAt),
    generation: lock.ownerId ?? lock.createdAt,
    port: lock.port,
    ours: sameState ?? sameConfig,
  };
}

/** The user id of a file's owner; -1, which no user has, where it is not told. */
function ownerOf(path: string): number {
  try {
    return statSync(path).uid;
  } catch {
    return -1;
  }
}

function listEntries(folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort()
      .slice(0, MAX_LOCKS);
  } catch {
    return [];
  }
}

/** The path with its symbolic links followed as far as it exists. */
function resolvePath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    const parent = join(path, '..');
    if (codeOf(error) !== 'ENOENT' || parent === path) return path;
    return join(resolvePath(parent), path.slice(parent.length).replace(/^\/+/, ''));
  }
}
