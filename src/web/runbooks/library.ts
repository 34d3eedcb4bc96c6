import { readdir, readFile } from 'node:fs/promises';
import { codeOf } from '../../lib/errors.ts';

/** A runbook as it is shipped. */
export interface Runbook {
  /** The alert's name. */
  readonly name: string;
  /** Markdown without the title. */
  readonly text: string;
}

/** In the same place for the sources, the build and the package. */
const SHIPPED = new URL('../../../docs/runbooks/', import.meta.url);
const FILE = /^(?<name>OpenClaw[A-Za-z]+)\.md$/;
const TITLE = /^# .*\n/;
/** Links to pages that are not served here. */
const OTHER_PAGE = /\[(?<text>[^\]]+)\]\(\.\.\/(?<page>[\w./-]+\.md)(?:#[\w-]*)?\)/g;

/**
 * The runbooks of docs/runbooks, read when they are first needed. A name is looked up among those that were
 * read, and never becomes part of a path.
 */
export class RunbookLibrary {
  readonly #folder: URL;
  #runbooks: Promise<ReadonlyMap<string, Runbook>> | undefined;

  constructor(folder: URL = SHIPPED) {
    this.#folder = folder;
  }

  /** By name, in the order of names; none where they are not installed. Rejects where one is unreadable. */
  read(): Promise<ReadonlyMap<string, Runbook>> {
    this.#runbooks ??= readRunbooks(this.#folder).catch((error: unknown) => {
      this.#runbooks = undefined;
      throw error;
    });
    return this.#runbooks;
  }
}

async function readRunbooks(folder: URL): Promise<ReadonlyMap<string, Runbook>> {
  const names = (await listFiles(folder)).flatMap((file) => FILE.exec(file)?.groups?.name ?? []);
  const runbooks = names.toSorted().map(async (name) => {
    const file = await readFile(new URL(`${name}.md`, folder), 'utf8');
    const text = file.replace(TITLE, '').replaceAll(OTHER_PAGE, '$<text> (`docs/$<page>`)');
    return [name, { name, text }] as const;
  });
  return new Map(await Promise.all(runbooks));
}

async function listFiles(folder: URL): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
