import { printable } from './printable.ts';
import type { Secret } from './secret.ts';

/** Longest quote of another program's text, in characters. */
export const MAX_QUOTE = 200;
/** Longer texts are shortened before anything is searched in them. */
const MAX_INPUT = 8_000;
/** A shorter value is an everyday word: to remove it would tear texts apart and hide nothing. */
const MIN_SECRET = 4;
const REMOVED = '[removed]';

/** What is known to be secret or private where the text comes from. */
export interface KnownSecrets {
  readonly secrets: readonly Secret[];
  /** Home folders besides those that are recognized by their form; absolute. */
  readonly homes?: readonly string[];
}

const SECRET_NAMES = [
  'token|secret|passw(?:or)?d|passphrase|passcode|pwd|\\bpass|api[-_ ]?key|\\bkey|\\bauth|authorization',
  'credentials?|cookie|session\\w*|signature|\\bpin|\\botp|\\bcode|bearer',
].join('|');
/** What may follow `is` without being a value. */
const STATES = [
  'an?|the|no|not|too|already|configured|missing|required|invalid|expired|wrong|revoked|disabled|empty',
  'unknown|unset|set|used|denied|blocked|rejected|refused',
].join('|');
const SIGN = `(?:[=:]|\\bis\\b(?!\\s+(?:${STATES})\\b))`;
/** A value in quotes may hold spaces. */
const ANNOUNCED_QUOTED = new RegExp(`((?:${SECRET_NAMES})["']?\\s*${SIGN}?\\s*(["'\`]))(?!:).*?\\2`, 'gi');
/** Without a sign between, a value is what no word is: letters and digits together. */
const ANNOUNCED_BESIDE = new RegExp(
  `((?:${SECRET_NAMES})(?:\\s+(?:provided|given|value|was|invalid))?:?\\s+)(?=[^\\s"',;)]*\\d)(?=[^\\s"',;)]*[a-z])[^\\s"',;)]{6,}`,
  'gi',
);
/** `name: value`, `name=value`, `"name":"value"`, `name is value`; a scheme before the value stays. */
const ANNOUNCED = new RegExp(
  [
    `((?:${SECRET_NAMES})["']?\\s*${SIGN}\\s*["']?`,
    `(?:(?:bearer|basic|digest|negotiate|bot|token|api-?key|hmac)\\s+)?)(?!\\[removed\\])[^\\s"',;)\\]}]+`,
  ].join(''),
  'gi',
);

/** In order: what is recognized by its surroundings goes before what is recognized by its own form. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // URLs keep scheme, host and path; user, query and fragment go.
  [/\b([a-z][a-z\d+.-]{1,20}:\/\/)[^\s/?#@"'<>]*@/gi, '$1'],
  [/\b([a-z][a-z\d+.-]{1,20}:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, '$1'],
  // Values that an option, a name or a scheme announces.
  [/(--?[\w-]*(?:token|secret|password|key)[\w-]*[ =]["']?)[^\s"']+/gi, `$1${REMOVED}`],
  [/\b((?:set-)?cookie:\s*)[^"']+/gi, `$1${REMOVED}`],
  [/((?:^|\s)(?:-u|--user)[ =]?)[^\s:]+:\S+/g, `$1${REMOVED}`],
  [ANNOUNCED_QUOTED, `$1${REMOVED}$2`],
  [ANNOUNCED, `$1${REMOVED}`],
  [ANNOUNCED_BESIDE, `$1${REMOVED}`],
  [/\b(bearer|basic|digest|negotiate)(\s+|%20)(?!\[removed\])[^\s"',;]+/gi, `$1 ${REMOVED}`],
  // Well-known forms of keys.
  [/\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g, REMOVED],
  [
    /\b(?:sk|pk|rk|gsk|hf|npm|r8|xai|pplx|fw|whsec|glpat|github_pat|gh[oprsu]|xox[a-z])[-_][\w-]{8,}/g,
    REMOVED,
  ],
  [/\b(?:AKIA|ASIA|AIza|ya29\.)[\w-]{8,}/g, REMOVED],
  [/-----BEGIN[^-]*-----.*?(?:-----END[^-]*-----|$)/gs, REMOVED],
  // People and accounts.
  [/[\w.+%-]+@[\w-]+(?:\.[\w-]+)+/g, '[address]'],
  [/(?<![\w.:-])\+?\d[\d ()/-]{7,}\d(?![\w.:-])/g, '[number]'],
  [/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi, '[id]'],
  // Home folders by their form.
  [/(?:\/home|\/Users|\/var\/home|\/export\/home)\/[^\s/"':;,)]+/g, '~'],
  [/\/(?:var\/)?root(?=[/\s"':;,)]|$)/g, '~'],
  [/(?<![\w/])~[a-z_][\w-]*(?=\/)/g, '~'],
  [/\b[a-z]:\\Users\\[^\s\\"':;,)]+/gi, '~'],
];

/** Words that could be keys: letters, digits and what base64, hex and their kin use. */
const WORD = /[A-Za-z\d][A-Za-z\d+/=_.~%-]{14,}/g;

/**
 * A text of another program as its owner may see it: one line of at most {@link MAX_QUOTE} characters without
 * known secrets in any common encoding, URL users and queries, announced values, long random words, addresses
 * and home folders. It errs on the side of removing.
 */
export function redact(text: string, { secrets, homes = [] }: KnownSecrets): string {
  let result = text.slice(0, MAX_INPUT).toWellFormed().replace(/\s+/g, ' ').trim();
  for (const value of encodings(secrets)) result = result.replaceAll(value, REMOVED);
  for (const home of homes) if (home.length > 1) result = result.replaceAll(home, '~');
  for (const [pattern, replacement] of PATTERNS) result = result.replace(pattern, replacement);
  result = printable(result.replace(WORD, removeRandom));
  return result.length > MAX_QUOTE ? `${result.slice(0, MAX_QUOTE - 1).toWellFormed()}…` : result;
}

/** Each secret as it may stand in a text, the longest first, so that none is left behind in part. */
function encodings(secrets: readonly Secret[]): string[] {
  const all = secrets.flatMap((secret) => {
    const value = secret.reveal();
    const bytes = Buffer.from(value);
    return [
      value,
      value.replace(/\s+/g, ' '),
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value.toWellFormed()),
      bytes.toString('base64'),
      bytes.toString('base64url'),
      bytes.toString('hex'),
    ];
  });
  return [...new Set(all)].filter((value) => value.length >= MIN_SECRET).sort((a, b) => b.length - a.length);
}

/** Names of models and files mix letters and digits too, but in short parts and seldom in both cases. */
function removeRandom(word: string): string {
  const isMixed = /[a-z]/.test(word) && /[A-Z]/.test(word);
  const caseChanges = [...word.matchAll(/[a-z](?=[A-Z])|[A-Z](?=[a-z])/g)].length;
  // Without a digit only the case tells a key from a name in camel case, whose words are longer.
  if (word.length >= 20 && isMixed && (/\d/.test(word) || caseChanges > word.length / 4)) return REMOVED;
  return word
    .split('/')
    .map((segment) => (segment.split(/[-_.~+=%]/).some(looksRandom) ? REMOVED : segment))
    .join('/');
}

function looksRandom(part: string): boolean {
  if (part.length < 12) return false;
  const changes = [...part.matchAll(/[a-zA-Z](?=\d)|\d(?=[a-zA-Z])/g)].length;
  if (changes >= 2) return true;
  if (part.length >= 24 && /^(?:[a-z]+|[A-Z]+)$/.test(part)) return true;
  const upperInside = [...part.matchAll(/[a-z](?=[A-Z])/g)].length;
  return (
    part.length >= 20 &&
    (/^\d+$/.test(part) || changes > 0 || upperInside > part.length / 8 || !/[aeiou]/i.test(part))
  );
}
