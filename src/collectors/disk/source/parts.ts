/** What a gateway's state folder holds; the label values of `openclaw_state_bytes`. */
export const STATE_PARTS = [
  'database',
  'wal',
  'agents',
  'sessions',
  'logs',
  'tmp',
  'cache',
  'media',
  'workspace',
  'other',
] as const;
/** A label value of `openclaw_state_bytes`. */
export type StatePart = (typeof STATE_PARTS)[number];

/** Parts that are folders of the same name. */
const WHOLE_FOLDERS: readonly StatePart[] = ['sessions', 'logs', 'tmp', 'cache', 'media'];
const DATABASE = /\.(?:sqlite|db)(?:-shm|-journal)?$/;

/**
 * The part that a file belongs to, by its path below the state folder. Source: the state folders of
 * 2026.5.7 (`tasks/`, `agents/ID/sessions/`), 2026.7.35 and 2026.9.6 (`state/`, `agents/ID/agent/`,
 * `cache/`, `media/`). A write-ahead log is one wherever the gateway keeps a database, and in a
 * workspace it is the user's own.
 */
export function findPart(path: readonly string[]): StatePart {
  const [first = '', , third = ''] = path;
  const name = path.at(-1) ?? '';
  if (/^workspace(?:-|$)/.test(first)) return 'workspace';
  const folder = path.length > 1 ? WHOLE_FOLDERS.find((part) => part === first) : undefined;
  if (folder !== undefined) return folder;
  if (/\.(?:sqlite|db)-wal$/.test(name)) return 'wal';
  if (first === 'agents' && path.length > 2) return third === 'sessions' ? 'sessions' : 'agents';
  return DATABASE.test(name) ? 'database' : 'other';
}
