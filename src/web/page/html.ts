/** Text that is HTML already; everything else is escaped when it is put into a page. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template; texts are escaped. */
export type HtmlValue = string | number | Html | readonly Html[] | undefined;

/** Longest text of others on a page, in characters: no page grows with what one of them wrote. */
const MAX_TEXT = 400;
/** Characters that have no place in a name: browsers drop them, or they reverse the text around them. */
const CONTROL = /[\p{Cc}\u{61c}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A piece of a page: whatever is put into it is escaped, unless it is a piece of a page itself. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(formatValue)));
}

function formatValue(value: HtmlValue): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('\n');
  return escapeHtml(String(value));
}

function escapeHtml(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}…` : text;
  return short.replace(CONTROL, '\u{fffd}').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
