/** Bytes from which a text is worth a write of its own. */
const LONG_BYTES = 16 * 1024;

/** An exposition as it is handed out: short texts put together, long ones as they are, without a copy. */
export class Pieces {
  readonly #done: Buffer[] = [];
  #short: Buffer[] = [];

  /** The next text; none of it may be changed afterwards. */
  add(text: Buffer): void {
    if (text.length < LONG_BYTES) {
      this.#short.push(text);
      return;
    }
    this.#flush();
    this.#done.push(text);
  }

  /** All texts in their order, as few and as long as is cheap; nothing is added after it. */
  end(): readonly Buffer[] {
    this.#flush();
    return this.#done;
  }

  #flush(): void {
    if (this.#short.length > 0) this.#done.push(Buffer.concat(this.#short));
    this.#short = [];
  }
}
