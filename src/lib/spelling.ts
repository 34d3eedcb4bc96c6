/** Letters by which a text differs from a word, whatever their case. */
function countEdits(word: string, text: string): number {
  const [a, b] = [word.toLowerCase(), text.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? Number.POSITIVE_INFINITY;
}

/** Whether a text is the word but for its case and at most two letters. */
export function isMisspelling(word: string, text: string): boolean {
  if (Math.abs(word.length - text.length) > 2) return false;
  return countEdits(word, text) <= Math.min(2, word.length - 2);
}

/** The word that a text is likeliest a misspelling of; undefined where it is close to none. */
export function findIntended(text: string, words: readonly string[]): string | undefined {
  return words
    .filter((word) => isMisspelling(word, text))
    .toSorted((a, b) => countEdits(a, text) - countEdits(b, text))[0];
}
