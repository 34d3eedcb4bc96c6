import { createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

/** Checks that wait at once; each holds a connection open, and the last one waits for all before it. */
const MAX_WAITING = 128;
const MAX_REMEMBERED = 128;
const MAX_ADDRESSES = 1024;
/** bcrypt looks at this many bytes; a longer password would match by its beginning alone. */
const MAX_PASSWORD_BYTES = 72;
/** Compared with in place of a user's hash: the time of an answer must not tell who exists. */
const NOBODYS_SALT_AND_HASH = `${'.'.repeat(52)}2`;
const DEFAULT_COST = 10;

/** `busy`: too many comparisons wait. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

/** Whether `hash`, of bcrypt, is of `password`. */
export type ComparePassword = (password: string, hash: string) => Promise<boolean>;

/**
 * Who goes first: an address that has logged in, one without a wrong password, one that has shown wrong ones.
 */
type Rank = 0 | 1 | 2;

interface Waiting {
  readonly rank: Rank;
  readonly settle: (turn: 'granted' | 'busy') => void;
}

/**
 * Checks passwords, one comparison at a time. One that succeeded is remembered as a digest with a key that
 * only this process ever had, so that a scraper pays for bcrypt once; the hash is part of it, so a changed
 * password is asked for anew. Whoever guesses waits behind all others.
 */
export class Passwords {
  readonly #compare: ComparePassword;
  readonly #key = randomBytes(32);
  readonly #right = new Set<string>();
  readonly #trusted = new Set<string>();
  readonly #guessing = new Set<string>();
  readonly #waiting: Waiting[] = [];
  #isComparing = false;

  constructor(compare: ComparePassword) {
    this.#compare = compare;
  }

  /**
   * Whether `password` is that of `user`, by the hashes of all users; `address` is
   * where the request comes from.
   */
  async check(
    users: ReadonlyMap<string, string>,
    user: string,
    password: Secret,
    address = '',
  ): Promise<PasswordVerdict> {
    const hash = users.get(user);
    const text = password.reveal();
    const digest = createHmac('sha256', this.#key)
      .update(JSON.stringify([user, hash, text]))
      .digest('base64');
    if (this.#right.has(digest)) return 'right';
    const source = networkOf(address);
    if ((await this.#takeTurn(this.#rank(source))) === 'busy') return 'busy';
    const matches = await this.#compareFully(users, hash, text).finally(() => this.#passTurn());
    const isRight = matches && Buffer.byteLength(text) <= MAX_PASSWORD_BYTES;
    if (isRight) remember(this.#right, digest, MAX_REMEMBERED);
    remember(isRight ? this.#trusted : this.#guessing, source, MAX_ADDRESSES);
    return isRight ? 'right' : 'wrong';
  }

  /** The same work for every user: 2^n rounds, where n is the highest cost of all hashes. */
  async #compareFully(users: ReadonlyMap<string, string>, hash: string | undefined, text: string) {
    const most = Math.max(...[...users.values()].map(costOf));
    if (hash === undefined) {
      await this.#compare(text, nobodysHash(Number.isFinite(most) ? most : DEFAULT_COST));
      return false;
    }
    const matches = await this.#compare(text, hash);
    // 2^c + 2^c + 2^(c+1) + … + 2^(n-1) = 2^n
    for (let cost = costOf(hash); cost < most; cost += 1) await this.#compare(text, nobodysHash(cost));
    return matches;
  }

  #rank(source: string): Rank {
    if (this.#trusted.has(source)) return 0;
    return this.#guessing.has(source) ? 2 : 1;
  }

  #takeTurn(rank: Rank): Promise<'granted' | 'busy'> {
    if (!this.#isComparing) {
      this.#isComparing = true;
      return Promise.resolve('granted');
    }
    const { promise, resolve } = Promise.withResolvers<'granted' | 'busy'>();
    const behind = this.#waiting.findIndex((one) => one.rank > rank);
    this.#waiting.splice(behind === -1 ? this.#waiting.length : behind, 0, { rank, settle: resolve });
    if (this.#waiting.length > MAX_WAITING) this.#waiting.pop()?.settle('busy');
    return promise;
  }

  #passTurn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isComparing = false;
    else next.settle('granted');
  }
}

function remember(set: Set<string>, value: string, most: number): void {
  const [oldest] = set;
  if (set.size >= most && oldest !== undefined) set.delete(oldest);
  set.add(value);
}

function costOf(hash: string): number {
  return Number(hash.slice(4, 6));
}

function nobodysHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${NOBODYS_SALT_AND_HASH}`;
}

/**
 * An IPv4 address itself, of an IPv6 address its first half: one machine has as many of those as it likes.
 */
function networkOf(address: string): string {
  return address.includes('.') ? address : address.split(':').slice(0, 4).join(':');
}
