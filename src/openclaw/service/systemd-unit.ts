/** What an assignment of a unit may refer to by `%`. Source: systemd.unit(5), "Specifiers". */
export interface Specifiers {
  /** Of the unit's user; absolute. */
  readonly home: string;
  /** With `.service`. */
  readonly unit: string;
}

/** What a unit and its drop-ins say together, as far as it concerns credentials. */
export interface UnitSettings {
  /** Later ones of a name win. */
  readonly environment: readonly Assignment[];
  /** Later ones win over earlier ones, and all of them over {@link environment}. */
  readonly environmentFiles: readonly EnvironmentFile[];
  /** Arguments of the last command; quotes removed, variables still in it. */
  readonly command: readonly string[];
}

interface Assignment {
  readonly name: string;
  readonly value: string;
}

/** A file that a unit takes variables from. */
export interface EnvironmentFile {
  readonly path: string;
  /** Written with a leading `-`: it may be absent. */
  readonly optional: boolean;
}

const NAME = /^[A-Za-z_]\w*$/;
const BLANK = /\s/;
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
};
const NUMERIC = /^(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|([0-7]{3}))/i;

/**
 * Reads a unit file and its drop-ins, given in the order in which systemd applies them. An empty assignment
 * forgets those before it. Sources: systemd.syntax(7), systemd.exec(5).
 */
export function readUnit(texts: readonly string[], specifiers: Specifiers): UnitSettings {
  let environment: Assignment[] = [];
  let environmentFiles: EnvironmentFile[] = [];
  let command: readonly string[] = [];
  for (const { key, value } of texts.flatMap(serviceLines)) {
    const none = value === '';
    if (key === 'Environment') environment = none ? [] : environment.concat(assignments(value, specifiers));
    if (key === 'EnvironmentFile') {
      environmentFiles = none ? [] : environmentFiles.concat(fileOf(value, specifiers));
    }
    if (key === 'ExecStart') command = expanded(splitWords(value).words, specifiers);
  }
  return { environment, environmentFiles, command };
}

interface Line {
  readonly key: string;
  readonly value: string;
}

/** The assignments of `[Service]`, continued lines joined; comments inside a continued line are dropped. */
function serviceLines(text: string): Line[] {
  const lines: Line[] = [];
  let section = '';
  for (const line of joined(text)) {
    const header = /^\[(.*)\]$/.exec(line);
    if (header !== null) section = header[1] ?? '';
    const equals = line.indexOf('=');
    if (header !== null || section !== 'Service' || equals < 1) continue;
    lines.push({ key: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim() });
  }
  return lines;
}

function joined(text: string): string[] {
  const lines: string[] = [];
  let open = '';
  for (const raw of text.split(/\r?\n/)) {
    if (/^\s*[#;]/.test(raw)) continue;
    if (raw.endsWith('\\')) {
      open += `${raw.slice(0, -1)} `;
      continue;
    }
    lines.push((open + raw).trim());
    open = '';
  }
  return [...lines, open.trim()];
}

/** What follows a word that is not valid is ignored, as systemd does. */
function assignments(value: string, specifiers: Specifiers): Assignment[] {
  return splitWords(value).words.flatMap((word) => {
    const text = expandSpecifiers(word, specifiers);
    const equals = text?.indexOf('=') ?? -1;
    const name = text?.slice(0, equals) ?? '';
    return text !== undefined && equals > 0 && NAME.test(name)
      ? [{ name, value: text.slice(equals + 1) }]
      : [];
  });
}

function fileOf(value: string, specifiers: Specifiers): EnvironmentFile[] {
  const optional = value.startsWith('-');
  const path = expandSpecifiers(optional ? value.slice(1) : value, specifiers);
  return path?.startsWith('/') ? [{ path, optional }] : [];
}

function expanded(words: readonly string[], specifiers: Specifiers): string[] {
  return words.map((word) => expandSpecifiers(word, specifiers) ?? '');
}

/**
 * `%%` and the specifiers that OpenClaw's own units and hand-made ones use;
 * undefined where another one occurs.
 */
function expandSpecifiers(text: string, { home, unit }: Specifiers): string | undefined {
  const values: Readonly<Record<string, string>> = {
    '%': '%',
    h: home,
    n: unit,
    N: unit.replace(/\.service$/, ''),
    p: unit.replace(/(?:@.*)?\.service$/, ''),
    E: `${home}/.config`,
  };
  let known = true;
  const result = text.replaceAll(/%(.)/g, (whole, letter: string) => {
    const value = Object.hasOwn(values, letter) ? values[letter] : undefined;
    if (value === undefined) known = false;
    return value ?? whole;
  });
  return known ? result : undefined;
}

/**
 * Splits at blanks as systemd does: quotes of both kinds, C escapes inside and outside of them. Words after a
 * mistake are left out.
 */
export function splitWords(text: string): { readonly words: string[]; readonly whole: boolean } {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (BLANK.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    const read = readWord(text, at);
    if (read === undefined) return { words, whole: false };
    words.push(read.word);
    at = read.end;
  }
  return { words, whole: true };
}

function readWord(text: string, start: number): { readonly word: string; readonly end: number } | undefined {
  let word = '';
  let quote = '';
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '\\') {
      const read = readEscape(text, at + 1);
      if (read === undefined) return undefined;
      word += read.char;
      at = read.end;
      continue;
    }
    if (quote === '' && BLANK.test(char)) break;
    const next = quoteAfter(quote, char);
    if (next === quote) word += char;
    quote = next;
    at += 1;
  }
  return quote === '' ? { word, end: at } : undefined;
}

/** The quote that is open after `char`; the same as before where `char` is an ordinary character. */
function quoteAfter(quote: string, char: string): string {
  if (quote !== '') return char === quote ? '' : quote;
  return char === '"' || char === "'" ? char : quote;
}

function readEscape(text: string, at: number): { readonly char: string; readonly end: number } | undefined {
  const letter = text.charAt(at);
  const simple = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
  if (simple !== undefined) return { char: simple, end: at + 1 };
  const [whole, hex, short, long, octal] = NUMERIC.exec(text.slice(at, at + 9)) ?? [];
  if (whole === undefined) return undefined;
  const code =
    octal === undefined ? Number.parseInt(hex ?? short ?? long ?? '0', 16) : Number.parseInt(octal, 8);
  // A byte above 127 is a part of a character; no credential is written so.
  const isByte = hex !== undefined || octal !== undefined;
  if (code === 0 || code > 0x10_ff_ff || (isByte && code > 127)) return undefined;
  return { char: String.fromCodePoint(code), end: at + whole.length };
}

type Where = 'start' | 'comment' | 'key' | 'before' | 'plain' | 'single' | 'double';

/**
 * Reads a file as `EnvironmentFile=` does: `NAME=value` lines, quotes only around whole parts, a backslash
 * before a line end continues the line. Source: systemd.exec(5).
 */
export function parseEnvironmentFile(text: string): Map<string, string> {
  const reader = new EnvironmentReader();
  for (const char of text.replaceAll('\r\n', '\n')) reader.take(char);
  return reader.end();
}

class EnvironmentReader {
  readonly #found = new Map<string, string>();
  #where: Where = 'start';
  #escaped = false;
  #key = '';
  #value = '';
  /** Length of the value up to its last character that is no trailing blank. */
  #solid = 0;

  take(char: string): void {
    if (this.#escaped) this.#takeEscaped(char);
    else if (char === '\\' && !['start', 'key', 'single'].includes(this.#where)) this.#escaped = true;
    else this.#takePlain(char);
  }

  end(): Map<string, string> {
    if (!['start', 'comment', 'key'].includes(this.#where)) this.#finish();
    return this.#found;
  }

  #takeEscaped(char: string): void {
    this.#escaped = false;
    if (this.#where === 'comment' || char === '\n') return;
    if (this.#where === 'double' && !'"\\`$'.includes(char)) this.#add('\\');
    if (this.#where === 'before') this.#where = 'plain';
    this.#add(char);
  }

  #takePlain(char: string): void {
    const take = {
      start: () => this.#begin(char),
      comment: () => this.#inComment(char),
      key: () => this.#inKey(char),
      before: () => this.#beforeValue(char),
      plain: () => this.#inPlain(char),
      single: () => this.#inQuotes(char),
      double: () => this.#inQuotes(char),
    };
    take[this.#where]();
  }

  #inComment(char: string): void {
    if (char === '\n') this.#where = 'start';
  }

  #inPlain(char: string): void {
    if (char === '\n') this.#finish();
    else if (BLANK.test(char)) this.#value += char;
    else this.#add(char);
  }

  #begin(char: string): void {
    if (BLANK.test(char)) return;
    this.#where = char === '#' || char === ';' ? 'comment' : 'key';
    this.#key = char;
    this.#value = '';
    this.#solid = 0;
  }

  #inKey(char: string): void {
    if (char === '\n') this.#where = 'start';
    else if (char === '=') this.#where = 'before';
    else this.#key += char;
  }

  #beforeValue(char: string): void {
    if (char === '\n') this.#finish();
    else if (char === '"') this.#where = 'double';
    else if (char === "'") this.#where = 'single';
    else if (!BLANK.test(char)) {
      this.#where = 'plain';
      this.#add(char);
    }
  }

  #inQuotes(char: string): void {
    if (char === (this.#where === 'double' ? '"' : "'")) this.#where = 'before';
    else this.#add(char);
  }

  #add(char: string): void {
    this.#value += char;
    this.#solid = this.#value.length;
  }

  #finish(): void {
    const key = this.#key.trimEnd();
    if (NAME.test(key)) this.#found.set(key, this.#value.slice(0, this.#solid));
    this.#where = 'start';
  }
}

/** Replaces `$NAME` as a whole word and `${NAME}` anywhere, as `ExecStart=` does; `$$` is a dollar sign. */
export function expandVariables(word: string, environment: ReadonlyMap<string, string>): string {
  const whole = /^\$([A-Za-z_]\w*)$/.exec(word)?.[1];
  if (whole !== undefined) return environment.get(whole) ?? '';
  return word.replaceAll(/\$(?:(\$)|\{([A-Za-z_]\w*)\})/g, (_, dollar?: string, name = '') =>
    dollar === undefined ? (environment.get(name) ?? '') : '$',
  );
}
