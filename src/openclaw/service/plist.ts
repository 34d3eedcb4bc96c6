import { z } from 'zod';

/** What a launchd job's property list says of its start. */
const launchdJob = z.object({
  EnvironmentVariables: z.record(z.string(), z.unknown()).optional().catch(undefined),
  ProgramArguments: z.array(z.string()).optional().catch(undefined),
});
/** The part of a launchd job that is read here. */
export type LaunchdJob = z.output<typeof launchdJob>;

const MAX_OBJECTS = 5_000;
const MAX_DEPTH = 16;

/** Says that a file is no property list that this reader knows. */
class Malformed extends Error {}

/**
 * Reads a property list, XML or binary: dictionaries, arrays and strings; every other value is passed over as
 * null. Undefined where it is none. Bounded in depth and number of values, so that no file keeps it busy.
 */
export function readLaunchdJob(bytes: Buffer): LaunchdJob | undefined {
  try {
    const value =
      bytes.subarray(0, 8).toString('latin1') === 'bplist00' ? binary(bytes) : xml(bytes.toString('utf8'));
    const parsed = launchdJob.safeParse(value);
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    // Offsets of a damaged binary file may point anywhere.
    if (error instanceof Malformed || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Source: the format's description in CoreFoundation (`CFBinaryPList.c`, its opening comment). */
function binary(bytes: Buffer): unknown {
  if (bytes.length < 40) throw new Malformed();
  const trailer = bytes.subarray(-32);
  const reader = new BinaryReader(bytes, {
    offsetSize: trailer.readUInt8(6),
    refSize: trailer.readUInt8(7),
    count: Number(trailer.readBigUInt64BE(8)),
    table: Number(trailer.readBigUInt64BE(24)),
  });
  return reader.read(Number(trailer.readBigUInt64BE(16)), 0);
}

interface Trailer {
  readonly offsetSize: number;
  readonly refSize: number;
  readonly count: number;
  readonly table: number;
}

class BinaryReader {
  readonly #bytes: Buffer;
  readonly #trailer: Trailer;
  #left = MAX_OBJECTS;

  constructor(bytes: Buffer, trailer: Trailer) {
    this.#bytes = bytes;
    this.#trailer = trailer;
  }

  read(index: number, depth: number): unknown {
    this.#left -= 1;
    const { count, table, offsetSize } = this.#trailer;
    if (depth > MAX_DEPTH || this.#left < 0 || index >= count) throw new Malformed();
    const at = this.#number(table + index * offsetSize, offsetSize);
    const marker = this.#bytes.readUInt8(at);
    const { length, start } = this.#length(at, marker & 15);
    switch (marker >> 4) {
      case 5:
        return this.#slice(start, length).toString('latin1');
      case 6:
        return Buffer.from(this.#slice(start, length * 2))
          .swap16()
          .toString('utf16le');
      case 10:
        return this.#refs(start, length).map((ref) => this.read(ref, depth + 1));
      case 13: {
        const keys = this.#refs(start, length).map((ref) => String(this.read(ref, depth + 1)));
        const values = this.#refs(start + length * this.#trailer.refSize, length);
        return Object.fromEntries(keys.map((key, place) => [key, this.read(values[place] ?? -1, depth + 1)]));
      }
      default:
        return null;
    }
  }

  /** A length of 15 says that the real one follows as an integer. */
  #length(at: number, short: number): { readonly length: number; readonly start: number } {
    if (short !== 15) return { length: short, start: at + 1 };
    const size = 2 ** (this.#bytes.readUInt8(at + 1) & 15);
    return { length: this.#number(at + 2, size), start: at + 2 + size };
  }

  #refs(start: number, length: number): number[] {
    const { refSize } = this.#trailer;
    if (length > MAX_OBJECTS) throw new Malformed();
    return Array.from({ length }, (_, place) => this.#number(start + place * refSize, refSize));
  }

  #number(at: number, size: number): number {
    return size === 8 ? Number(this.#bytes.readBigUInt64BE(at)) : this.#bytes.readUIntBE(at, size);
  }

  #slice(start: number, length: number): Buffer {
    if (start + length > this.#bytes.length) throw new Malformed();
    return this.#bytes.subarray(start, start + length);
  }
}

type Token =
  | { readonly kind: 'open' | 'close' | 'empty'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string };

function xml(text: string): unknown {
  const reader = new XmlReader(tokens(text));
  return reader.document();
}

/**
 * Tags and texts; comments, declarations and processing instructions left out. Every
 * search goes on, so it is linear.
 */
function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const until = (end: string, from: number): string => {
    const stop = text.indexOf(end, from);
    if (stop < 0 || found.length > MAX_OBJECTS * 4) throw new Malformed();
    at = stop + end.length;
    return text.slice(from, stop);
  };
  while (at < text.length) {
    if (text.startsWith('<!--', at)) until('-->', at + 4);
    else if (text.startsWith('<![CDATA[', at)) found.push({ kind: 'text', text: until(']]>', at + 9) });
    else if (text.startsWith('<?', at) || text.startsWith('<!', at)) until('>', at);
    else if (text.charAt(at) === '<') found.push(tagOf(until('>', at + 1)));
    else {
      const next = text.indexOf('<', at);
      const end = next < 0 ? text.length : next;
      found.push({ kind: 'text', text: withoutEntities(text.slice(at, end)) });
      at = end;
    }
  }
  return found;
}

function tagOf(inside: string): Token {
  const [, slash, name = '', empty] = /^(\/?)([A-Za-z]+)(?:\s[^/]*)?(\/?)$/.exec(inside) ?? [];
  if (name === '') throw new Malformed();
  if (slash === '/') return { kind: 'close', name };
  return { kind: empty === '/' ? 'empty' : 'open', name };
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function withoutEntities(text: string): string {
  return text.replaceAll(/&([^;&]*);?/g, (_, name: string) => {
    const [, decimal, hex] = /^#(?:(\d{1,7})|x([\da-fA-F]{1,6}))$/.exec(name) ?? [];
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    const known = Number.isNaN(code) ? ENTITIES[name] : String.fromCodePoint(code);
    if (known === undefined) throw new Malformed();
    return known;
  });
}

class XmlReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  document(): unknown {
    const root = this.#nextTag();
    if (root.kind !== 'open' || root.name !== 'plist') throw new Malformed();
    return this.#value(this.#nextTag(), 0);
  }

  #value(tag: Token, depth: number): unknown {
    if (depth > MAX_DEPTH || tag.kind === 'text' || tag.kind === 'close') throw new Malformed();
    if (tag.kind === 'empty') return emptyOf(tag.name);
    if (tag.name === 'dict') return this.#dict(depth);
    if (tag.name === 'array') return this.#array(depth);
    const text = this.#text(tag.name);
    return tag.name === 'string' ? text : null;
  }

  #dict(depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    for (let tag = this.#nextTag(); tag.kind !== 'close'; tag = this.#nextTag()) {
      if (tag.kind !== 'open' || tag.name !== 'key') throw new Malformed();
      const key = this.#text('key');
      entries.push([key, this.#value(this.#nextTag(), depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  #array(depth: number): unknown[] {
    const values: unknown[] = [];
    for (let tag = this.#nextTag(); tag.kind !== 'close'; tag = this.#nextTag()) {
      values.push(this.#value(tag, depth + 1));
    }
    return values;
  }

  #text(name: string): string {
    let text = '';
    for (let token = this.#next(); token.kind !== 'close' || token.name !== name; token = this.#next()) {
      if (token.kind !== 'text') throw new Malformed();
      text += token.text;
    }
    return text;
  }

  /** The next tag; between tags only blanks are allowed. */
  #nextTag(): Token {
    let token = this.#next();
    while (token.kind === 'text' && token.text.trim() === '') token = this.#next();
    return token;
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Malformed();
    this.#at += 1;
    return token;
  }
}

function emptyOf(name: string): unknown {
  if (name === 'string') return '';
  if (name === 'dict') return {};
  return name === 'array' ? [] : null;
}
