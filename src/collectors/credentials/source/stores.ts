import { join } from 'node:path';
import { lookAtDatabase, readDatabase } from '../../../lib/sqlite-readonly.ts';
import { NotedFiles } from '../../../lib/watched-files.ts';
import { readProfileFiles } from './files.ts';
import { joinStores, type ProfileStore, type ProviderCredential } from './profiles.ts';
import { selectProfiles } from './sqlite.ts';

/** Agents whose stores are read, in alphabetical order; a gateway has a handful. */
const MAX_AGENTS = 100;

/** The credentials of a gateway, or why they are not known. */
export type CredentialsOutcome =
  | { readonly state: 'read'; readonly credentials: readonly ProviderCredential[] }
  /** No store is there: credentials are inline in the configuration, in the environment, or there are none. */
  | { readonly state: 'absent' }
  /** `reason` is without a path. */
  | { readonly state: 'unreadable'; readonly reason: string };

type Part =
  | { readonly state: 'read'; readonly store: ProfileStore }
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable'; readonly reason: string };

/** Reads the stores of one state folder; what did not change since the last call is not read again. */
export class CredentialStores {
  readonly #databases = new Map<string, { readonly stamp: string; readonly part: Part }>();
  readonly #files = new Map<string, { readonly noted: NotedFiles; readonly part: Part }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Where the stores of a state folder are: in its database, in each agent's database, before 2026.6 in each agent's files. */
  read(stateDir: string): CredentialsOutcome {
    const agents = new NotedFiles().list(join(stateDir, 'agents')).slice(0, MAX_AGENTS);
    const parts: Part[] = [this.#readDatabase(join(stateDir, 'state', 'openclaw.sqlite'))];
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
    const found = lookAtDatabase(path, this.#now());
    if (found.state !== 'there') return found;
    const known = this.#databases.get(path);
    if (known?.stamp === found.stamp) return known.part;
    const reading = readDatabase(path, selectProfiles);
    const part: Part = reading.state === 'read' ? { state: 'read', store: reading.value } : reading;
    if (found.settled && part.state === 'read') this.#databases.set(path, { stamp: found.stamp, part });
    else this.#databases.delete(path);
    return part;
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
