import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { z } from 'zod';
import { parseJson } from '../../lib/json.ts';
import type { CredentialKind } from '../../openclaw/credentials.ts';
import type { Nonce, TokenDigest } from '../../openclaw/token-digest.ts';
import { type CommandTools, runOverSsh } from '../../ssh/command.ts';
import type { SshRoute } from '../../ssh/config.ts';
import type { SshDestination, SshProblem } from '../../ssh/ssh.ts';
import { READER, SHELL_HEAD, SHELL_TAIL } from './client-script.ts';

/** What the client on a host holds. */
export type RemoteClient =
  | { readonly state: 'held'; readonly held: TokenDigest }
  /** OpenClaw is there, and its configuration names no such credential. */
  | { readonly state: 'none' }
  /** It could not be found out; `reason` says in words why, without anything the host said. */
  | { readonly state: 'unknown'; readonly reason: string }
  | { readonly state: 'failed'; readonly problem: SshProblem };

/** Any shell understands it: what is to be done comes on standard input. */
const REMOTE_COMMAND = 'sh -s';
/** Before the answer, so that whatever a shell greets with is told apart from it. */
const MARK = 'openclaw-exporter:';

const REASONS = {
  no_node: 'there is no Node.js there, so no OpenClaw can be asked',
  no_openclaw: 'there is no OpenClaw configuration there',
  unreadable: 'the OpenClaw configuration there cannot be read',
  broken: 'the OpenClaw configuration there is not JSON5',
  unresolved: 'the credential there lies where only OpenClaw itself can read it',
} as const;

const answer = z.discriminatedUnion('state', [
  z.object({ state: z.literal('held'), digest: z.string().regex(/^[0-9a-f]{64}$/) }),
  z.object({ state: z.literal('none') }),
  z.object({ state: z.enum(['no_node', 'no_openclaw', 'unreadable', 'broken', 'unresolved']) }),
]);

/** What a host is asked, and how long that may take. */
export interface RemoteQuestion extends CommandTools {
  readonly nonce: Nonce;
  readonly kind: CredentialKind;
}

/**
 * Asks the OpenClaw client on a host for the keyed digest of its `gateway.remote` credential. The nonce goes
 * there and the digest comes back: no token and no plain hash of one travels. Nothing is written there.
 * Throws when no process could be started here.
 */
export async function askRemoteClient(
  destination: SshDestination,
  route: SshRoute | undefined,
  { nonce, kind, ...tools }: RemoteQuestion,
): Promise<RemoteClient> {
  const input = script(nonce, kind);
  const probe = await runOverSsh(destination, route, { ...tools, command: REMOTE_COMMAND, input });
  if (probe.state !== 'ran') return probe;
  return readAnswer(probe.stdout, nonce);
}

/**
 * Everything the host's shell reads: fixed texts, with the nonce and the kind, both from
 * closed sets, as shell variables.
 */
export function script({ hex }: Nonce, kind: CredentialKind): string {
  return [`nonce=${hex}`, `kind=${kind}`, SHELL_HEAD, json5(), READER, SHELL_TAIL].join('\n');
}

/** Reads what came back; a host that is restricted to another command says something else. */
export function readAnswer(stdout: string, nonce: Nonce): RemoteClient {
  const line = stdout
    .split('\n')
    .findLast((text) => text.startsWith(MARK))
    ?.slice(MARK.length);
  const parsed = answer.safeParse(line === undefined ? undefined : parseJson(line));
  if (!parsed.success) {
    return { state: 'unknown', reason: 'the account there does not run the question (a forced command?)' };
  }
  const { data } = parsed;
  switch (data.state) {
    case 'held':
      return { state: 'held', held: { nonce, digest: Buffer.from(data.digest, 'hex') } };
    case 'none':
      return data;
    default:
      return { state: 'unknown', reason: REASONS[data.state] };
  }
}

let parser: string | undefined;

/** The parser that reads openclaw.json here goes along, so that both ends read it alike. */
function json5(): string {
  parser ??= readFileSync(createRequire(import.meta.url).resolve('json5/dist/index.min.js'), 'utf8');
  return parser;
}
