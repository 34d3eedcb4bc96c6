import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import { type GatewayHome, newToken } from './openclaw.ts';
import { keepOutput } from './secrets.ts';
import { until } from './until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SYSTEMD = '/lib/systemd/systemd';
const PROGRAMS = [
  SYSTEMD,
  '/usr/bin/unshare',
  '/usr/bin/nsenter',
  '/usr/bin/setpriv',
  '/usr/bin/dbus-daemon',
];
/** Where cgroups of version 2 are: alone, or beside those of version 1. */
const CGROUPS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) =>
  existsSync(join(path, 'cgroup.controllers')),
);
const PREFIX = 'openclaw-test-';
/** The one user of the machine; exists there alone. */
const USER = { name: 'ada', id: 4711, home: '/home/ada', runtime: '/run/user/4711' } as const;
/** Where this repository and the gateway are on the machine. */
export const EXPORTER = '/opt/exporter';
const OPENCLAW = '/opt/openclaw';
const NODE = join(EXPORTER, 'node_modules/node/bin/node');

/**
 * Stands in for `user@4711.service` and the login that starts it (PAM, logind), which would need a seat: the
 * same user manager, without a login.
 */
const MANAGER_UNIT = `[Service]
User=${USER.name}
Type=notify
Delegate=yes
RuntimeDirectory=user/${USER.id}
RuntimeDirectoryMode=0700
Environment=XDG_RUNTIME_DIR=${USER.runtime}
ExecStart=${SYSTEMD} --user
KillMode=mixed
`;

/**
 * Whatever systemd could change of the real machine is covered before it starts; units of the
 * real machine are not wanted.
 */
const BOOT = `
set -eu
mount --make-rprivate /
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -t tmpfs -o mode=755 tmpfs /opt
mkdir /opt/etc
while [ $# -gt 0 ]; do mkdir "$2"; mount --bind "$1" "$2"; shift 2; done
for file in passwd group shadow; do cp /etc/$file /opt/etc/; done
echo '${USER.name}:x:${USER.id}:${USER.id}::${USER.home}:/bin/sh' >>/opt/etc/passwd
echo '${USER.name}:x:${USER.id}:' >>/opt/etc/group
echo '${USER.name}:!:19000::::::' >>/opt/etc/shadow
for file in passwd group shadow; do mount --bind /opt/etc/$file /etc/$file; done
for folder in /run /home /var/lib /etc/systemd/system; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /opt/none /run/systemd/system ${USER.home}
chown ${USER.id}:${USER.id} ${USER.home}
for folder in /lib/systemd/system/*.target.wants /lib/systemd/system-generators; do
  if [ -d $folder ]; then mount --bind /opt/none $folder; fi
done
printf '%s' '${MANAGER_UNIT}' >/run/systemd/system/manager.service
exec env -i container=lxc PATH=/usr/bin:/bin:/usr/sbin:/sbin ${SYSTEMD} --system --unit=basic.target --log-target=console --show-status=0
`;

/** Why no systemd can be started here beside the machine's own; undefined where it can. */
export function systemdForbidden(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root';
  const missing = PROGRAMS.filter((path) => !existsSync(path));
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  if (CGROUPS === undefined) return 'no cgroups of version 2';
  const folder = join(CGROUPS, `${PREFIX}${process.pid}-try`);
  try {
    mkdirSync(folder);
    rmdirSync(folder);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

export interface Ran {
  readonly code: number | string;
  readonly output: string;
}

/**
 * A machine with the real systemd as its first process, and a user with a user manager, in namespaces
 * of its own: of processes, mounts, cgroups and host name. Its network is the real machine's, so its
 * ports are reached as any others.
 */
export class SystemdMachine {
  readonly user = USER;
  readonly #init: Child;
  readonly #cgroup: string;
  #pid = 0;

  private constructor(init: Child, cgroup: string) {
    this.#init = init;
    this.#cgroup = cgroup;
  }

  /**
   * Boots it. This repository is seen as {@link EXPORTER}, the folder in which the gateway was installed as
   * {@link OPENCLAW}, and of `folders` each by the path that it leads to, below `/opt`.
   */
  static async start(
    gateway: GatewayHome,
    folders: Readonly<Record<string, string>> = {},
  ): Promise<SystemdMachine> {
    const openclaw = dirname(dirname(dirname(gateway.program)));
    const mounts = Object.entries({ [ROOT]: EXPORTER, [openclaw]: OPENCLAW, ...folders }).flat();
    await removeLeftovers();
    const cgroup = join(CGROUPS ?? '', `${PREFIX}${process.pid}`);
    mkdirSync(cgroup);
    const namespaces = ['--pid', '--mount', '--uts', '--cgroup', '--mount-proc', '--kill-child', '--fork'];
    // In a cgroup of its own first: a namespace of cgroups begins where the process stands that makes it.
    const script = `echo $$ >"$0/cgroup.procs"; exec unshare ${namespaces.join(' ')} sh -c "$@"`;
    const machine = new SystemdMachine(
      new Child('sh', ['-c', script, cgroup, BOOT, 'sh', ...mounts]),
      cgroup,
    );
    try {
      await machine.#booted();
      return machine;
    } catch (error) {
      await machine.remove();
      throw error;
    }
  }

  async #booted(): Promise<void> {
    await until(
      async () => {
        this.#pid = firstChildOf(this.#init.pid);
        return (await this.asRoot('systemctl', 'is-system-running')).output.trim() === 'running';
      },
      { what: 'systemd to run', timeoutMs: 30_000, everyMs: 100 },
    ).catch((error: unknown) => {
      throw new Error(this.#init.output, { cause: error });
    });
    const { code, output } = await this.asRoot('systemctl', 'start', 'dbus.socket', 'manager.service');
    if (code !== 0) throw new Error(output);
  }

  /** The path by which this process reaches a file of the machine. */
  path(path: string): string {
    return join(`/proc/${this.#pid}/root`, path);
  }

  /** Writes a file of the user's. */
  write(path: string, text: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text, { mode: 0o600 });
    for (const one of [path, dirname(path)]) chownSync(this.path(one), USER.id, USER.id);
  }

  /**
   * Makes the gateway a service of the user, by its own installer and with a token of its
   * own. Throws where that fails.
   */
  async installGateway(gateway: GatewayHome): Promise<void> {
    gateway.configure(newToken());
    const config = readFileSync(join(gateway.stateDir, 'openclaw.json'), 'utf8');
    this.write(join(USER.home, '.openclaw/openclaw.json'), config);
    const port = String(gateway.port);
    const { code, output } = await this.asUser('openclaw', 'gateway', 'install', '--port', port);
    if (code !== 0) throw new Error(output);
  }

  /** Runs a program as root there, to its end. */
  asRoot(...command: readonly string[]): Promise<Ran> {
    return ranToItsEnd(this.#child(command, { HOME: '/root', SUDO_USER: USER.name }), command);
  }

  /** Runs a program as the user, in a session of its manager, to its end. */
  asUser(...command: readonly string[]): Promise<Ran> {
    return ranToItsEnd(this.startAsUser(USER.home, command), command);
  }

  /** Starts a program as the user, in a session of its manager. */
  startAsUser(folder: string, command: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    const who = ['setpriv', `--reuid=${USER.id}`, `--regid=${USER.id}`, '--clear-groups'];
    return this.#child([...who, 'env', `--chdir=${folder}`, ...command], {
      ...env,
      HOME: USER.home,
      XDG_RUNTIME_DIR: USER.runtime,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${USER.runtime}/bus`,
      NO_COLOR: '1',
    });
  }

  #child(command: readonly string[], env: Readonly<Record<string, string>>): Child {
    const enter = ['--pid', '--mount', '--uts', '--cgroup'];
    const path = `${dirname(NODE)}:${join(OPENCLAW, 'node_modules/.bin')}:/usr/bin:/bin:/usr/sbin:/sbin`;
    return new Child('nsenter', [`--target=${this.#pid}`, ...enter, ...command], {
      env: { ...env, PATH: path },
      cwd: '/',
    });
  }

  /** Ends systemd, and with it all that runs there. */
  async remove(): Promise<void> {
    await this.#init.end();
    await untilRemoved(this.#cgroup);
  }
}

/** The command that `check` printed as the next step. Throws where it names none. */
export function nextStepOf(checked: string): string {
  const command = /Next step[^\n]*\n {2}(?<command>[^\n]+)/.exec(checked)?.groups?.command;
  if (command === undefined) throw new Error(`check names no next step:\n${checked}`);
  return command;
}

async function ranToItsEnd(child: Child, command: readonly string[]): Promise<Ran> {
  const code = await child.exited;
  keepOutput(command.join(' '), child.output);
  return { code, output: child.output };
}

function firstChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

/** Machines of a run that was killed: their cgroups carry the number of a process that is gone. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(CGROUPS ?? '')) {
    const pid = new RegExp(`^${PREFIX}(\\d+)$`).exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const folder = join(CGROUPS ?? '', name);
    writeFileSync(join(folder, 'cgroup.kill'), '1');
    await untilRemoved(folder);
  }
}

function untilRemoved(cgroup: string): Promise<true> {
  return until(() => removeCgroup(cgroup), { what: 'the last process to be gone', everyMs: 50 });
}

/** Whether it is gone; a cgroup is removed from its leaves, and not while a process is in it. */
function removeCgroup(folder: string): true {
  if (!existsSync(folder)) return true;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
  }
  rmdirSync(folder);
  return true;
}
