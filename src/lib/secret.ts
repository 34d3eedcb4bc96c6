import { createHash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

const MASK = '[secret]';

/**
 * A token in memory. Whatever prints it (string, JSON, `console.log`, an error) shows `[secret]`;
 * only {@link Secret.reveal} gives the value, and only the code that talks to the gateway calls it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The token itself; for the gateway's own connection and nothing else. */
  reveal(): string {
    return this.#value;
  }

  /** Whether both hold the same token, in time that does not depend on where they differ. */
  equals(other: Secret): boolean {
    return timingSafeEqual(this.#digest(), other.#digest());
  }

  #digest(): Buffer {
    return createHash('sha256').update(this.#value).digest();
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
