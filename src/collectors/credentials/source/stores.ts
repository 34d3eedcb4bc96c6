import { join } from 'node:path';
import { DatabaseCache } from '../../../lib/sqlite-readonly.ts';
import { NotedFiles } from '../../../lib/watched-files.ts';
import { stateDatabase } from '../../../openclaw/paths.ts';
import { readProfileFiles } from './files.ts';
import { joinStores, type ProfileStore, type ProviderCredential } from './profiles.ts';
import { selectProfiles } from './sqlite.ts';

/** Agents whose stores are read, in alphabetical order; a gateway has a handful. */
const MAX_AGENTS = 100;

/** The credentials of a gateway, or why they are not known. */
export type CredentialsOutcome =
  | { readonly state: 'read'; readonly credentials: readonly ProviderCredential[] }
  /**
   * No store is there: credentials are inline in the configuration, in the environment, or there are none.
   */
  | { readonly state: 'absent' }
  /** `reason` is without a path. */
  | { readonly state: 'unreadable'; readonly reason: string };

type Part =
  | { readonly state: 'read'; readonly store: ProfileStore }
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable'; readonly reason: string };

/** Reads the stores of one state folder; what did not change since the last call is not read again. */
export class CredentialStores {
  readonly #databases: DatabaseCache<ProfileStore>;
  readonly #files = new Map<string, { readonly noted: NotedFiles; readonly part: Part }>();

  constructor(now: () => number) {
    this.#databases = new DatabaseCache(selectProfiles, now);
  }

  /**
   * Where the stores of a state folder are: in its database, in each agent's database, before
   * 2026.6 in each agent's files.
   */
  read(stateDir: string): CredentialsOutcome {
    const agents = new NotedFiles().list(join(stateDir, 'agents')).slice(0, MAX_AGENTS);
    const parts: Part[] = [this.#readDatabase(stateDatabase(stateDir))];
    for (const agent of agents) {
      const folder = join(stateDir, 'agents', agent, 'agent');
      const database = this.#readDatabase(join(folder, 'openclaw-agent.sqlite'));
      parts.push(database.state === 'absent' ? this.#readFiles(folder) : database);
    }
    const broken = parts.find((part) => part.state === 'unreadable');
    if (broken !== undefined) return broken;
    const stores = parts.flatMap((part) => (part.state === 'read' ? [part.store] : []));
    return stores.length === 0 ? { state: 'absent' } : { state: 'read', credentials: joinStores(stores) };
  }

  #readDatabase(path: string): Part {
    const reading = this.#databases.read(path);
    return reading.state === 'read' ? { state: 'read', store: reading.value } : reading;
  }

  #readFiles(folder: string): Part {
    const known = this.#files.get(folder);
    if (known?.noted.unchanged() === true) return known.part;
    const noted = new NotedFiles();
    const part = readProfileFiles(folder, noted);
    this.#files.set(folder, { noted, part });
    return part;
  }
}
