import { posix } from 'node:path';

/**
 * What a command line says about a process. `gateway`: nothing but a gateway looks like this. `openclaw`: an
 * OpenClaw program that does not tell which (older gateways, but also short commands). `perhaps`: a gateway
 * if it also listens on the port. `other`: not a gateway.
 */
export type Looks = 'gateway' | 'openclaw' | 'perhaps' | 'other';

const RUNTIME = /^(?:node(?:js)?|bun|deno)(?:[-.]?\d[\w.-]*)?$/;
const ENTRY = /(?:^|\/)(?:openclaw(?:\.m?js)?|dist\/(?:index|entry)\.m?js)$/;
/** Options in front of the command that take the next argument. */
const TAKES_NEXT = new Set(['--profile', '--log-level', '--container']);
/** `openclaw gateway WORD` with one of these is a short command, not the gateway. */
const SUBCOMMANDS = new Set([
  'auth-token',
  'call',
  'diagnostics',
  'discover',
  'health',
  'install',
  'probe',
  'restart',
  'stability',
  'start',
  'status',
  'stop',
  'uninstall',
  'usage-cost',
]);

/**
 * Recognises a gateway by its arguments, in the forms it has over versions and ways of starting:
 * renamed to `openclaw-gateway` (2026.9) or `openclaw` (2026.5), or the whole command line `node
 * …/dist/index.js gateway …` (a service, or one that has only just started). Programs that merely
 * mention both words match none of them.
 */
export function looksLike(argv: readonly string[]): Looks {
  const [first] = argv;
  if (first === undefined) return 'other';
  if (argv.length === 1 && first === 'openclaw-gateway') return 'gateway';
  if (argv.length === 1 && first === 'openclaw') return 'openclaw';
  const entry = entryPlace(argv);
  if (entry === undefined || !isGatewayCommand(argv.slice(entry + 1))) return 'other';
  return (argv[entry] ?? '').includes('openclaw') ? 'gateway' : 'perhaps';
}

/** The port a command line names, or undefined. */
export function declaredPort(argv: readonly string[]): number | undefined {
  const text = declaredOption(argv, 'port');
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : undefined;
}

/** The profile a command line names, or undefined; `--dev` is one of its own. */
export function declaredProfile(argv: readonly string[]): string | undefined {
  return declaredOption(argv, 'profile') ?? (argv.includes('--dev') ? 'dev' : undefined);
}

/** Whether it is a short command of the OpenClaw CLI, as far as its name tells. */
export function isCommand(argv: readonly string[]): boolean {
  if (looksLike(argv) === 'gateway') return false;
  return entryPlace(argv) !== undefined || /^openclaw(?:-|$)/.test(argv[0] ?? '');
}

function declaredOption(argv: readonly string[], name: string): string | undefined {
  return argv.flatMap((argument, place) => {
    if (argument === `--${name}`) return [argv[place + 1] ?? ''];
    return argument.startsWith(`--${name}=`) ? [argument.slice(name.length + 3)] : [];
  })[0];
}

/** Where OpenClaw's own program stands: behind a JavaScript runtime and nothing but its options. */
function entryPlace(argv: readonly string[]): number | undefined {
  if (!RUNTIME.test(posix.basename(argv[0] ?? ''))) return undefined;
  for (let place = 1; place < argv.length; place += 1) {
    const argument = argv[place] ?? '';
    if (ENTRY.test(argument)) return place;
    const before = argv[place - 1] ?? '';
    const valueOfOption = place > 1 && before.startsWith('-') && !before.includes('=');
    if (!argument.startsWith('-') && !valueOfOption) return undefined;
  }
  return undefined;
}

function isGatewayCommand(args: readonly string[]): boolean {
  let place = 0;
  while ((args[place] ?? '').startsWith('-')) place += TAKES_NEXT.has(args[place] ?? '') ? 2 : 1;
  if (args[place] !== 'gateway') return false;
  const rest = args.slice(place + 1);
  const next = rest[0];
  const runs = next === undefined || next === 'run' || next.startsWith('-');
  return runs && !rest.some((argument) => SUBCOMMANDS.has(argument));
}
