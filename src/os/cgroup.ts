import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';

/** Where a process' memory is limited: one folder for each level, the process' own first. */
export interface MemoryGroup {
  readonly folders: readonly string[];
  /** `memory.max` in version 2, `memory.limit_in_bytes` in version 1. */
  readonly file: string;
}

interface Mount {
  /** Which part of the hierarchy is mounted. */
  readonly root: string;
  readonly point: string;
  readonly version: 1 | 2;
}

/** The kernel's own bound on a path; a longer one is no group. */
const MAX_PATH = 4096;

/**
 * The control groups that limit a process' memory, from its /proc/PID/cgroup and the mounts the exporter
 * sees. Both versions may be mounted side by side; each level up to the mount's own root may hold a limit.
 */
export function memoryGroups(cgroupText: string, mountinfo: string): MemoryGroup[] {
  const mounts = memoryMounts(mountinfo);
  return cgroupText.split('\n').flatMap((line) => {
    const [, id = '', controllers = '', path = ''] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    const version = id === '0' && controllers === '' ? 2 : 1;
    if (
      path === '' ||
      path.length > MAX_PATH ||
      (version === 1 && !controllers.split(',').includes('memory'))
    )
      return [];
    const mount = mounts.find((one) => one.version === version);
    if (mount === undefined) return [];
    const file = version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
    return [{ folders: levels(mount, path), file }];
  });
}

/** The least limit in bytes, or undefined where no group sets one. */
export async function memoryLimit(
  groups: readonly MemoryGroup[],
  signal: AbortSignal,
): Promise<number | undefined> {
  const limits: number[] = [];
  for (const { folders, file } of groups) {
    for (const folder of folders) {
      const limit = await readLimit(posix.join(folder, file), signal);
      if (limit !== undefined) limits.push(limit);
    }
  }
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/**
 * The service unit in a /proc/PID/cgroup of either version; the user's manager itself (`user@UID.service`) is
 * no unit of a program. Source: systemd's control group layout.
 */
export function parseUnit(cgroupText: string): string | undefined {
  for (const line of cgroupText.split('\n')) {
    const path = /^\d+:(?:name=systemd)?:(\/.*)$/.exec(line)?.[1];
    const unit = path
      ?.split('/')
      .filter((part) => part.endsWith('.service') && !/^user@\d+\.service$/.test(part))
      .at(-1);
    if (unit !== undefined) return unescapeOctal(unit);
  }
  return undefined;
}

/** A limit's file: a number of bytes, or `max`. */
export function parseLimit(text: string): number | undefined {
  const digits = /^(\d+)\s*$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

async function readLimit(path: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    return parseLimit(await readFile(path, { encoding: 'utf8', signal }));
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function memoryMounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line): Mount[] => {
    const [left = '', right = ''] = line.split(' - ');
    const [type = '', , options = ''] = right.split(' ');
    const [, , , root = '/', point = ''] = left.split(' ').map(unescapeOctal);
    if (type === 'cgroup2') return [{ root, point, version: 2 }];
    const memory = type === 'cgroup' && options.split(',').includes('memory');
    return memory ? [{ root, point, version: 1 }] : [];
  });
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/**
 * A process outside our own control group namespace has a path that climbs (`/../x`) or
 * lies beside the mounted part.
 */
function levels(mount: Mount, path: string): string[] {
  const parts = relativeTo(mount.root, posix.normalize(path))
    .split('/')
    .filter((part) => part !== '');
  const folders = [mount.point];
  // Each from the one above: joining all parts of each of two thousand levels anew takes a third of a second.
  for (const part of parts) folders.push(`${folders.at(-1)}/${part}`);
  return folders.reverse();
}

function relativeTo(root: string, path: string): string {
  if (root === '/') return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : '/';
}
