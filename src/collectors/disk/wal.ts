import type { DatabaseFiles, DatabaseName } from './source/databases.ts';

interface Seen {
  readonly mainStamp: string;
  readonly walBytes: number;
}

/**
 * How much each write-ahead log has grown since a checkpoint last wrote to its database: a reader that keeps
 * its transaction open lets no checkpoint pass, and the log grows until that reader ends.
 */
export class WalGrowth {
  #seen = new Map<string, Seen>();

  /**
   * Growth in bytes by kind of database, the largest where there are several. A database
   * seen for the first time has 0.
   */
  observe(databases: readonly DatabaseFiles[]): Map<DatabaseName, number> {
    const seen = new Map<string, Seen>();
    const growth = new Map<DatabaseName, number>();
    for (const { name, path, mainStamp, walBytes } of databases) {
      const before = this.#seen.get(path);
      // A log that begins anew is as good as a checkpoint.
      const since =
        before?.mainStamp === mainStamp && walBytes >= before.walBytes ? before : { mainStamp, walBytes };
      seen.set(path, since);
      growth.set(name, Math.max(growth.get(name) ?? 0, walBytes - since.walBytes));
    }
    this.#seen = seen;
    return growth;
  }
}
