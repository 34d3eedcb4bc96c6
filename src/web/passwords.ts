import { createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

/** Comparisons under way at once; whoever comes later is sent away, so that guessing passwords fills no memory. */
const MAX_WAITING = 16;
const MAX_REMEMBERED = 128;
/** bcrypt looks at this many bytes; a longer password would match by its beginning alone. */
const MAX_PASSWORD_BYTES = 72;
/** Compared with where a user is unknown: the time of an answer must not tell who exists. */
const NOBODYS_SALT_AND_HASH = `${'.'.repeat(52)}2`;

/** `busy`: too many comparisons are under way. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

/** Whether `hash`, of bcrypt, is of `password`. */
export type ComparePassword = (password: string, hash: string) => Promise<boolean>;

/**
 * Who knows a password. A comparison that succeeded is remembered as a digest with a key that only this process ever
 * had, so that a scraper pays for bcrypt once; the hash is part of it, so a changed password is asked for anew.
 */
export class Passwords {
  readonly #compare: ComparePassword;
  readonly #key = randomBytes(32);
  readonly #right = new Set<string>();
  #waiting = 0;

  constructor(compare: ComparePassword) {
    this.#compare = compare;
  }

  /** Whether `password` is that of `user`, by the hashes of all users. */
  async check(users: ReadonlyMap<string, string>, user: string, password: Secret): Promise<PasswordVerdict> {
    const known = users.get(user);
    const hash = known ?? nobodysHash(users);
    const text = password.reveal();
    const digest = createHmac('sha256', this.#key)
      .update(JSON.stringify([user, hash, text]))
      .digest('base64');
    if (this.#right.has(digest)) return 'right';
    if (this.#waiting >= MAX_WAITING) return 'busy';
    this.#waiting += 1;
    const matches = await this.#compare(text, hash).finally(() => {
      this.#waiting -= 1;
    });
    if (!matches || known === undefined || Buffer.byteLength(text) > MAX_PASSWORD_BYTES) return 'wrong';
    this.#remember(digest);
    return 'right';
  }

  #remember(digest: string): void {
    const [oldest] = this.#right;
    if (this.#right.size >= MAX_REMEMBERED && oldest !== undefined) this.#right.delete(oldest);
    this.#right.add(digest);
  }
}

/** As costly to compare with as the costliest of the users' own. */
function nobodysHash(users: ReadonlyMap<string, string>): string {
  const costs = [...users.values()].map((hash) => hash.slice(4, 6)).toSorted();
  return `$2b$${costs.at(-1) ?? '10'}$${NOBODYS_SALT_AND_HASH}`;
}
