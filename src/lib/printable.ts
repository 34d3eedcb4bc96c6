/** What a terminal obeys instead of showing, ends a line at, or turns the direction of text with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Somebody's text as it may stand on one line of a terminal: what a terminal would obey is shown as `\u001b`.
 */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
