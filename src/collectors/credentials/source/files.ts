import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../lib/json.ts';
import type { NotedFiles } from '../../../lib/watched-files.ts';
import { type ProfileStore, profileSchema, usageSchema } from './profiles.ts';

/** A credential is a few kilobytes, and few are stored. */
const MAX_BYTES = 512 * 1024;

const records = z.record(z.string(), z.unknown()).catch({});
const storeFile = z
  .object({ profiles: records, usageStats: records })
  .catch({ profiles: {}, usageStats: {} });
/** Of a credential, only this: the rest of the file is dropped as soon as it is parsed. */
const storedProfile = z
  .looseObject({
    provider: z.unknown().optional(),
    type: z.unknown().optional(),
    mode: z.unknown().optional(),
    expires: z.unknown().optional(),
    refresh: z.unknown().optional(),
  })
  .transform(({ provider, type, mode, expires, refresh }) =>
    profileSchema.parse({
      provider,
      // Older files name the kind `mode`.
      kind: type ?? mode,
      expiresMs: expires,
      isRefreshable: refresh !== undefined && refresh !== null,
    }),
  );

/** What the files of one agent gave. */
export type FilesReading =
  | { readonly state: 'read'; readonly store: ProfileStore }
  | { readonly state: 'absent' }
  /** `reason` is without a path. */
  | { readonly state: 'unreadable'; readonly reason: string };

/** Reads `auth-profiles.json` and `auth-state.json` of an agent, as gateways before 2026.6 keep them. */
export function readProfileFiles(folder: string, files: NotedFiles): FilesReading {
  const store = readStore(join(folder, 'auth-profiles.json'), files);
  if (store.state !== 'read') return store;
  const state = readStore(join(folder, 'auth-state.json'), files);
  if (state.state === 'unreadable') return state;
  // Older files hold the use beside the credentials; the file of its own is newer.
  const usage = { ...store.content.usageStats, ...(state.state === 'read' ? state.content.usageStats : {}) };
  return {
    state: 'read',
    store: { profiles: parseAll(store.content.profiles, storedProfile), usage: parseAll(usage, usageSchema) },
  };
}

function readStore(path: string, files: NotedFiles) {
  const found = files.read(path, MAX_BYTES);
  if (found.state === 'absent') return found;
  if (found.state === 'failed')
    return { state: 'unreadable' as const, reason: `a file of credentials cannot be read (${found.reason})` };
  return { state: 'read' as const, content: storeFile.parse(parseJson(found.text)) };
}

function parseAll<T>(all: Readonly<Record<string, unknown>>, schema: z.ZodType<T>): Map<string, T> {
  return new Map(
    Object.entries(all).flatMap(([key, raw]): [string, T][] => {
      const parsed = schema.safeParse(raw);
      return parsed.success ? [[key, parsed.data]] : [];
    }),
  );
}
