/** One line on a terminal that names the collectors under way; nothing where there is no terminal. */
export class CheckProgress {
  readonly #write: ((text: string) => void) | undefined;
  readonly #open = new Set<string>();

  constructor(write: ((text: string) => void) | undefined) {
    this.#write = write;
  }

  /** A collector starts. */
  begin(name: string): void {
    this.#open.add(name);
    this.#show();
  }

  /** A collector is done; after the last the line is empty. */
  end(name: string): void {
    this.#open.delete(name);
    this.#show();
  }

  #show(): void {
    const text = this.#open.size === 0 ? '' : `collecting ${[...this.#open].join(', ')} …`;
    this.#write?.(`\r\u001b[2K${text}`);
  }
}
