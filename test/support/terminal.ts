import { Child } from './child.ts';
import type { GatewayHome } from './openclaw.ts';

/** Runs a command of the CLI in a terminal of its own, which util-linux' `script` makes. */
export function inTerminal(home: GatewayHome, ...args: readonly string[]): Child {
  const command = [process.execPath, home.program, ...args].map((word) => `'${word}'`).join(' ');
  const env = { ...home.env, TERM: 'xterm', NO_COLOR: '1' };
  return new Child('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env,
    cwd: home.root,
  });
}
