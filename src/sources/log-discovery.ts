import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../runtime/errors.ts';

/** A log that a glob found. */
export interface FoundLog {
  /** Absolute. */
  readonly path: string;
  /** Index of the glob. */
  readonly glob: number;
  /** `<workspace>/<name>`: the folders that the glob leaves open, then the file's name without `cron-` and `.log`. */
  readonly job: string;
  /** The file, or a folder on the way to it that the glob leaves open, is a symbolic link. */
  readonly symlink: boolean;
}

/** The folders on the way that the glob left open. */
interface Way {
  readonly open: readonly string[];
  readonly linked: boolean;
}

export interface Discovery {
  /** Sorted by glob, then path. */
  readonly logs: readonly FoundLog[];
  /** Words without paths. */
  readonly problems: readonly string[];
  /** Globs of whose first folder this is true could not be looked at; by index, with the system's code. */
  readonly unreadable: ReadonlyMap<number, string>;
  /** Indexes of the globs whose first folder is not there. */
  readonly missing: ReadonlySet<number>;
}

interface Name {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link';
}

interface Listing {
  readonly mtimeMs: number;
  readonly ino: number;
  readonly names: readonly Name[];
}

/** What one round of looking through the folders found. */
interface Walked {
  readonly discovery: Discovery;
  /** All of it follows from the folders' lists alone: the same lists give the same again. */
  readonly repeatable: boolean;
}

interface Walk {
  readonly signal: AbortSignal;
  readonly glob: number;
  readonly logs: Map<string, FoundLog>;
  readonly used: Set<string>;
  unreadable: number;
  tooMany: boolean;
}

/** A folder that changed so short before it was listed may change again within the same tick of its file system. */
const SETTLED_MS = 2000;
const MAX_FOLDERS = 20_000;
/** How deep `**` goes. */
const MAX_DEPTH = 16;
/** There is nothing at this name; no reason to worry anybody. */
const NOTHING = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * Finds logs by glob: `*`, `?`, `[a-z]`, `{a,b}` within a name and `**` for any folders between. A name that begins
 * with a dot must be asked for with a dot. `**` does not follow symbolic links, so a loop of them ends; the others do,
 * one level a pattern. A folder is listed again only when its modification time changed: a quiet round costs one
 * `stat` a folder.
 */
export class LogDiscovery {
  readonly #maxLogs: number;
  #listings = new Map<string, Listing>();
  #folders = new Map<string, Listing>();
  #last: { readonly globs: string; readonly discovery: Discovery } | undefined;

  constructor(maxLogs: number) {
    this.#maxLogs = maxLogs;
  }

  /** Looks for the files of absolute globs; gives the same object where no folder changed. */
  async discover(globs: readonly string[], signal: AbortSignal): Promise<Discovery> {
    const key = globs.join('\n');
    const last = this.#last;
    if (last?.globs === key && (await this.#isUnchanged(signal))) return last.discovery;
    const { discovery, repeatable } = await this.#discover(globs, signal);
    this.#last = repeatable ? { globs: key, discovery } : undefined;
    return discovery;
  }

  async #isUnchanged(signal: AbortSignal): Promise<boolean> {
    for (const [folder, listing] of this.#listings) {
      signal.throwIfAborted();
      const now = await stat(folder).catch(() => undefined);
      if (now === undefined || !isSameFolder(listing, now)) return false;
    }
    return true;
  }

  async #discover(globs: readonly string[], signal: AbortSignal): Promise<Walked> {
    const unreadable = new Map<number, string>();
    const missing = new Set<number>();
    const logs = new Map<string, FoundLog>();
    this.#folders = new Map();
    let failures = 0;
    let tooMany = false;
    for (const [glob, pattern] of globs.entries()) {
      const walk: Walk = { signal, glob, logs, used: new Set(), unreadable: 0, tooMany: false };
      for (const spelled of expandBraces(pattern)) {
        const { base, rest } = splitGlob(spelled);
        const outcome = await this.#list(base, signal);
        if (typeof outcome === 'string') {
          if (NOTHING.has(outcome)) missing.add(glob);
          else unreadable.set(glob, outcome);
        } else await this.#walk(walk, base, rest, { open: [], linked: false });
      }
      failures += walk.unreadable;
      tooMany ||= walk.tooMany;
    }
    this.#listings = this.#folders;
    const problems: string[] = [];
    if (failures > 0) problems.push(`${failures} log folders cannot be read`);
    if (tooMany)
      problems.push(
        `more than ${this.#maxLogs} log files or ${MAX_FOLDERS} folders; the rest is not watched`,
      );
    const sorted = [...logs.values()].sort((a, b) => a.glob - b.glob || compare(a.path, b.path));
    const repeatable = failures + unreadable.size + missing.size === 0;
    return { discovery: { logs: sorted, problems, unreadable, missing }, repeatable };
  }

  async #walk(walk: Walk, folder: string, rest: readonly string[], way: Way): Promise<void> {
    walk.signal.throwIfAborted();
    const [segment, ...further] = rest;
    if (segment === undefined || walk.tooMany) return;
    if (segment === '**') return this.#walkDeep(walk, folder, further, way, 0);
    if (further.length > 0 && !hasMagic(segment))
      return this.#walk(walk, join(folder, segment), further, way);
    const names = await this.#list(folder, walk.signal);
    if (typeof names === 'string') {
      if (!NOTHING.has(names)) walk.unreadable += 1;
      return;
    }
    const matches = createNameMatcher(segment);
    for (const name of names.filter((at) => matches(at.name))) {
      if (further.length === 0) this.#take(walk, folder, name, way);
      else if (name.kind !== 'file') await this.#walkInto(walk, folder, name, further, way);
    }
  }

  async #walkInto(
    walk: Walk,
    folder: string,
    { name, kind }: Name,
    further: readonly string[],
    way: Way,
  ): Promise<void> {
    const linked = way.linked || kind === 'link';
    await this.#walk(walk, join(folder, name), further, { open: [...way.open, name], linked });
  }

  async #walkDeep(
    walk: Walk,
    folder: string,
    further: readonly string[],
    way: Way,
    depth: number,
  ): Promise<void> {
    await this.#walk(walk, folder, further, way);
    if (depth >= MAX_DEPTH || walk.tooMany) return;
    const names = await this.#list(folder, walk.signal);
    if (typeof names === 'string') return;
    for (const { name, kind } of names) {
      if (kind !== 'folder' || name.startsWith('.')) continue;
      await this.#walkDeep(
        walk,
        join(folder, name),
        further,
        { ...way, open: [...way.open, name] },
        depth + 1,
      );
    }
  }

  #take(walk: Walk, folder: string, { name, kind }: Name, way: Way): void {
    const path = join(folder, name);
    if (kind === 'folder' || walk.logs.has(path)) return;
    if (walk.logs.size >= this.#maxLogs) {
      walk.tooMany = true;
      return;
    }
    const job = jobIdentity(way.open, basename(folder), name);
    walk.logs.set(path, { path, glob: walk.glob, job, symlink: way.linked || kind === 'link' });
  }

  /** The names in a folder, or the system's code. */
  async #list(folder: string, signal: AbortSignal): Promise<readonly Name[] | string> {
    signal.throwIfAborted();
    const known = this.#folders.get(folder);
    if (known !== undefined) return known.names;
    if (this.#folders.size >= MAX_FOLDERS) return [];
    try {
      const now = await stat(folder);
      const before = this.#listings.get(folder);
      const same = before !== undefined && isSameFolder(before, now);
      const listing = same ? before : await listAnew(folder, now.mtimeMs, now.ino);
      this.#folders.set(folder, listing);
      return listing.names;
    } catch (error) {
      return codeOf(error) ?? 'unreadable';
    }
  }
}

function isSameFolder(before: Listing, now: Pick<Listing, 'mtimeMs' | 'ino'>): boolean {
  return before.mtimeMs === now.mtimeMs && before.ino === now.ino;
}

async function listAnew(folder: string, mtimeMs: number, ino: number): Promise<Listing> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.flatMap((entry): Name[] => {
    if (entry.isFile()) return [{ name: entry.name, kind: 'file' }];
    if (entry.isDirectory()) return [{ name: entry.name, kind: 'folder' }];
    return entry.isSymbolicLink() ? [{ name: entry.name, kind: 'link' }] : [];
  });
  const settled = Math.abs(Date.now() - mtimeMs) > SETTLED_MS;
  return { mtimeMs: settled ? mtimeMs : Number.NaN, ino, names };
}

/** The name of the job that writes a log: `cron-gcal-digest.log` is `gcal-digest`. */
export function jobNameOf(fileName: string): string {
  return fileName.replace(/\.log$/, '').replace(/^cron-(?=.)/, '');
}

/** The folder before the first pattern, and the patterns from there on. */
function splitGlob(glob: string): { base: string; rest: readonly string[] } {
  const segments = glob.split('/').filter((segment) => segment !== '');
  const magic = segments.findIndex(hasMagic);
  if (magic < 0) return { base: dirname(glob), rest: segments.slice(-1) };
  return { base: `/${segments.slice(0, magic).join('/')}`, rest: segments.slice(magic) };
}

/** The first glob that a path matches, and the job of that path. */
export function describePath(
  globs: readonly string[],
  path: string,
): { readonly glob: number; readonly job: string } | undefined {
  const segments = path.split('/').filter((segment) => segment !== '');
  for (const [glob, pattern] of globs.entries()) {
    for (const spelled of expandBraces(pattern)) {
      const open = openFolders(spelled, segments);
      if (open !== undefined)
        return { glob, job: jobIdentity(open, segments.at(-2) ?? '', segments.at(-1) ?? '') };
    }
  }
  return undefined;
}

/** The folders of a path that a glob leaves open; undefined when it does not match. */
function openFolders(spelled: string, segments: readonly string[]): readonly string[] | undefined {
  const { base, rest } = splitGlob(spelled);
  const fixed = base.split('/').filter((segment) => segment !== '');
  if (fixed.some((segment, index) => segments[index] !== segment)) return undefined;
  return openRest(rest, segments.slice(fixed.length));
}

function openRest(rest: readonly string[], segments: readonly string[]): readonly string[] | undefined {
  const [pattern, ...further] = rest;
  const [segment, ...behind] = segments;
  if (pattern === undefined || segment === undefined) return undefined;
  if (pattern === '**') {
    const here = openRest(further, segments);
    if (here !== undefined || behind.length === 0) return here;
    const deeper = openRest(rest, behind);
    return deeper === undefined ? undefined : [segment, ...deeper];
  }
  if (!createNameMatcher(pattern)(segment)) return undefined;
  if (further.length === 0) return behind.length === 0 ? [] : undefined;
  const deeper = openRest(further, behind);
  if (deeper === undefined) return undefined;
  return hasMagic(pattern) ? [segment, ...deeper] : deeper;
}

function jobIdentity(open: readonly string[], folder: string, fileName: string): string {
  return `${open.length > 0 ? open.join('/') : folder}/${jobNameOf(fileName)}`;
}

function hasMagic(segment: string): boolean {
  return /[*?[]/.test(segment);
}

/** `a{b,c}d` as `abd` and `acd`; at most 100 spellings, not nested. */
export function expandBraces(glob: string): string[] {
  let spelled = [glob];
  for (;;) {
    const next = spelled.flatMap((text) => {
      const match = /\{([^{}]*,[^{}]*)\}/.exec(text);
      if (match === null) return [text];
      const before = text.slice(0, match.index);
      const after = text.slice(match.index + match[0].length);
      return (match[1] ?? '').split(',').map((choice) => before + choice + after);
    });
    if (next.length === spelled.length || next.length > 100) return spelled;
    spelled = next;
  }
}

type Piece =
  | { readonly kind: 'many' }
  | { readonly kind: 'one' }
  | { readonly kind: 'class'; readonly chars: string; readonly not: boolean }
  | { readonly kind: 'char'; readonly char: string };

/** Whether a file name matches one segment of a glob; takes at most pattern length times name length steps. */
export function createNameMatcher(segment: string): (name: string) => boolean {
  const pieces = piecesOf(segment);
  const dotted = segment.startsWith('.');
  return (name) => (dotted || !name.startsWith('.')) && matchPieces(pieces, [...name]);
}

function piecesOf(segment: string): Piece[] {
  const pieces: Piece[] = [];
  for (const [text] of segment.matchAll(/\[!?\]?[^\]]*\]|\*+|./gsu)) {
    if (text.startsWith('*')) pieces.push({ kind: 'many' });
    else if (text === '?') pieces.push({ kind: 'one' });
    else if (text.length > 2 && text.startsWith('[')) pieces.push(classOf(text));
    else pieces.push({ kind: 'char', char: text });
  }
  return pieces;
}

function classOf(text: string): Piece {
  const not = text[1] === '!';
  return { kind: 'class', chars: text.slice(not ? 2 : 1, -1), not };
}

function matchPieces(pieces: readonly Piece[], name: readonly string[]): boolean {
  let at = 0;
  let piece = 0;
  let star = -1;
  let resume = 0;
  while (at < name.length) {
    const current = pieces[piece];
    if (current?.kind === 'many') {
      star = piece;
      resume = at;
      piece += 1;
    } else if (current !== undefined && matchOne(current, name[at] ?? '')) {
      piece += 1;
      at += 1;
    } else if (star >= 0) {
      resume += 1;
      at = resume;
      piece = star + 1;
    } else return false;
  }
  while (pieces[piece]?.kind === 'many') piece += 1;
  return piece === pieces.length;
}

function matchOne(piece: Piece, char: string): boolean {
  switch (piece.kind) {
    case 'one':
      return true;
    case 'char':
      return piece.char === char;
    case 'class':
      return inClass(piece.chars, char) !== piece.not;
    case 'many':
      return false;
  }
}

function inClass(chars: string, char: string): boolean {
  for (let index = 0; index < chars.length; index += 1) {
    const from = chars[index] ?? '';
    const to = chars[index + 1] === '-' ? chars[index + 2] : undefined;
    if (to === undefined) {
      if (from === char) return true;
    } else {
      if (from <= char && char <= to) return true;
      index += 2;
    }
  }
  return false;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
