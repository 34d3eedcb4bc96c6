import { posix } from 'node:path';
import type { ChildKind } from '../lib/vocabulary.ts';
import type { Descendant } from '../os/processes.ts';

/** How many processes of one kind run below a gateway, and the memory they hold together. */
export interface ChildGroup {
  readonly count: number;
  readonly residentBytes: number;
}

/** What a process is to those below it. */
type Role = ChildKind | 'broker' | 'anchor';

/** Programs of the gateway itself. Source: `dist/` of 2026.9.6; 2026.7 and 2026.5 have none at rest. */
const OWN_PROGRAM = /\/openclaw\/dist\/(?:process|infra|state|config|worker|native-hook-relay)\/.*\.m?js$/;
const BROKER = /\/spawn-broker\/worker\.m?js$/;
const ANCHOR = /\/service-child-group-anchor\.m?js$/;
const BROWSER =
  /^(?:chrom(?:e|ium)|google chrome|headless_shell|chrome-headless|msedge|microsoft edge|brave|firefox|camoufox|webkit|minibrowser)/i;
const AGENT_CLI = /^(?:claude|codex|gemini|opencode|cursor-agent|copilot|qwen|goose|aider)(?:\.m?js)?$/;
const AGENT_PACKAGE = /\/(?:@anthropic-ai\/claude-code|@openai\/codex|@google\/gemini-cli)\//;
const MCP = /modelcontextprotocol|(?:^|[^a-z0-9])mcp(?:[^a-z0-9]|$)/i;
const SHELL = /^(?:ba|da|z|k|fi)?sh$/;
/** Program, runtime options and script: what follows is the program's own. */
const LEADING_ARGUMENTS = 6;

/**
 * Sorts the processes below a gateway by what they are. What a process is recognised as counts for all
 * below it, down to the next that is recognised: an MCP server's `npx`, its shell and its node are three
 * of kind `mcp`. `rows` have parents before their children. In 2026.9 a command is a child of the spawn
 * broker and an MCP server one of a group anchor; older gateways start both themselves, and there only the
 * command line tells them apart.
 */
export function groupChildren(rows: readonly Descendant[]): ReadonlyMap<ChildKind, ChildGroup> {
  const roles = new Map<number, Role>();
  const groups = new Map<ChildKind, ChildGroup>();
  for (const row of rows) {
    const role = recognize(row, roles.get(row.ppid));
    roles.set(row.pid, role);
    const kind = role === 'broker' || role === 'anchor' ? 'other' : role;
    const before = groups.get(kind) ?? { count: 0, residentBytes: 0 };
    groups.set(kind, {
      count: before.count + 1,
      residentBytes: before.residentBytes + row.residentBytes,
    });
  }
  return groups;
}

function recognize({ comm, argv }: Descendant, parent: Role | undefined): Role {
  const words = leadingWords(argv);
  const names = [comm, ...words.map((word) => posix.basename(word))];
  const own = recognizeOwn(words) ?? recognizeName(names, words);
  if (own !== undefined) return own;
  if (parent === 'broker') return 'command';
  if (parent === 'anchor') return 'mcp';
  if (parent !== undefined && parent !== 'other') return parent;
  if (words.some((word) => MCP.test(word))) return 'mcp';
  return names.slice(0, 2).some((name) => SHELL.test(name)) ? 'command' : 'other';
}

function recognizeOwn(words: readonly string[]): Role | undefined {
  const own = words.find((word) => OWN_PROGRAM.test(word));
  if (own === undefined) return undefined;
  if (BROKER.test(own)) return 'broker';
  return ANCHOR.test(own) ? 'anchor' : 'other';
}

function recognizeName(names: readonly string[], words: readonly string[]): Role | undefined {
  if (names.slice(0, 2).some((name) => BROWSER.test(name))) return 'browser';
  const isAgent = names.slice(0, 3).some((name) => AGENT_CLI.test(name));
  return isAgent || words.some((word) => AGENT_PACKAGE.test(word)) ? 'agent_cli' : undefined;
}

/** A text with blanks is a shell's script or a prompt, and tells nothing of the program. */
function leadingWords(argv: readonly string[]): string[] {
  return argv.slice(0, LEADING_ARGUMENTS).filter((word) => !word.startsWith('-') && !/\s/.test(word));
}
