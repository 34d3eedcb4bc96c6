import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { Child } from './child.ts';

export const ROOT = join(import.meta.dirname, '..', '..');

/**
 * What a clone of this repository holds, with changes that are not committed yet; nothing is installed in it.
 */
export class FreshClone {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static make(): FreshClone {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-clone-'));
    const names = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0');
    for (const name of names) {
      const from = join(ROOT, name);
      if (name !== '' && existsSync(from)) cpSync(from, join(folder, name));
    }
    return new FreshClone(folder);
  }

  /** A command line as somebody types it there, in a process group of its own, as a terminal makes one. */
  shell(command: string, env: Readonly<Record<string, string>>): Child {
    return new Child('setsid', ['sh', '-c', command], {
      cwd: this.folder,
      env: { PATH: machinePath(), ...npmSettings(), ...env },
    });
  }

  /** Ctrl-C: the whole group is told, and waited for. */
  async interrupt(child: Child): Promise<void> {
    if (child.ended === undefined) process.kill(-child.pid, 'SIGINT');
    await child.exited;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The search path without what npm puts before it: the Node found is the machine's own. */
function machinePath(): string {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !/node_modules\/\.bin\/?$|node-gyp-bin\/?$/.test(folder))
    .filter((folder) => folder !== dirname(process.execPath))
    .join(delimiter);
}

/** The user's own settings of npm and what it downloaded before, although home is another folder. */
function npmSettings(): Record<string, string> {
  return {
    npm_config_cache: join(homedir(), '.npm'),
    npm_config_userconfig: join(homedir(), '.npmrc'),
    ...variables(/^(npm_config_(?!prefix)|node_extra_ca_certs$|https?_proxy$|no_proxy$)/i),
    npm_config_prefer_offline: 'true',
  };
}

/** How another user reaches the registry. */
export function registryVariables(): Record<string, string> {
  return variables(/^(npm_config_registry$|node_extra_ca_certs$|https?_proxy$|no_proxy$)/i);
}

function variables(names: RegExp): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value = '']) => (names.test(name) ? [[name, value]] : [])),
  );
}
