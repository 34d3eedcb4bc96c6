/** One line on a terminal that says what is still being looked at; nothing where there is no terminal. */
export class Progress {
  readonly #write: ((text: string) => void) | undefined;
  readonly #open = new Set<string>();

  constructor(write: ((text: string) => void) | undefined) {
    this.#write = write;
  }

  /** That one is being looked at now. */
  begin(name: string): void {
    this.#open.add(name);
    this.#show();
  }

  /** That one is done; with the last the line is empty again. */
  end(name: string): void {
    this.#open.delete(name);
    this.#show();
  }

  #show(): void {
    const text = this.#open.size === 0 ? '' : `looking at ${[...this.#open].join(', ')} …`;
    this.#write?.(`\r\u001b[2K${text}`);
  }
}
