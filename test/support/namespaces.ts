import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

const IP = '/usr/sbin/ip';
const TC = '/usr/sbin/tc';
const PREFIX = 'oceng';
/** Files here replace those of `/etc` for programs in the namespace of that name. */
const ETC = '/etc/netns';

/**
 * A program run inside a namespace; its port there is reached over a socket file,
 * which namespaces do not separate.
 */
const BRIDGE = `
const { connect, createServer } = require('node:net');
const [path, port] = process.argv.slice(1);
createServer((outer) => {
  const inner = connect(Number(port), '127.0.0.1');
  const end = () => { outer.destroy(); inner.destroy(); };
  for (const one of [outer, inner]) one.on('error', end).on('close', end);
  outer.pipe(inner); inner.pipe(outer);
}).listen(path, () => console.log('listening'));
`;

/** One machine of the test network. */
export interface Host {
  readonly name: string;
  /** Its own address, and that of the hub on the link between them. */
  readonly address: string;
  readonly hubAddress: string;
  /** Its end of the link. */
  readonly device: string;
}

/** Why this machine lets nobody make network namespaces; undefined where it does. */
export function namespacesForbidden(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only';
  const name = `${PREFIX}-${process.pid}-try`;
  try {
    ip('netns', 'add', name);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n').at(-1) ?? error.message) : String(error);
  } finally {
    removeNamespace(name);
  }
}

/**
 * A hub and hosts, each in a network namespace of its own, joined by veth pairs; no route leads out
 * of them, and nothing of the machine's own network is touched. Addresses are private ones that
 * exist in the namespaces alone.
 */
export class Network {
  readonly hosts: readonly Host[];
  readonly #names: string[] = [];
  readonly #etc: string[] = [];
  readonly #children: Child[] = [];
  readonly #servers: Server[] = [];
  /** Removed with the network; for whatever its hosts need. */
  readonly folder = mkdtempSync(join(tmpdir(), 'openclaw-netns-'));
  readonly #cleanUp = () => this.#removeNamespaces();

  constructor(hostNames: readonly string[]) {
    removeLeftovers();
    process.once('exit', this.#cleanUp);
    try {
      this.#add('hub');
      this.hosts = hostNames.map((name, index) => this.#addHost(name, index + 1));
    } catch (error) {
      this.#removeNamespaces();
      throw error;
    }
  }

  host(name: string): Host {
    const found = this.hosts.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  }

  /** Program and arguments that start something in a host's (or the hub's) namespace. */
  through(name: string): readonly string[] {
    return [IP, 'netns', 'exec', this.#namespace(name)];
  }

  /** Starts a program of Node.js there and waits until it says `listening`. */
  async run(name: string, program: string, ...args: readonly string[]): Promise<Child> {
    const [file = '', ...before] = [...this.through(name), process.execPath];
    const child = new Child(file, [...before, '-e', program, ...args]);
    this.#children.push(child);
    await until(
      () => {
        if (child.ended !== undefined) throw new Error(child.output);
        return child.output.includes('listening');
      },
      { what: `a program in ${name}` },
    );
    return child;
  }

  /** `ip` in a namespace. */
  ip(name: string, ...args: readonly string[]): void {
    ip('-n', this.#namespace(name), ...args);
  }

  /** `tc` in a namespace. */
  tc(name: string, ...args: readonly string[]): void {
    execFileSync(TC, ['-n', this.#namespace(name), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** Replaces a file of `/etc` for programs that are started in that namespace afterwards. */
  etc(name: string, file: string, text: string): void {
    const folder = join(ETC, this.#namespace(name));
    mkdirSync(folder, { recursive: true });
    this.#etc.push(folder);
    writeFileSync(join(folder, file), text);
  }

  /** A port that leads to the same port of the hub's loopback, from outside. */
  async hubPort(): Promise<number> {
    const port = await freePort();
    const path = join(this.folder, `${port}.sock`);
    await this.run('hub', BRIDGE, path, String(port));
    const server = createServer((outer) => {
      const inner = connect(path);
      const end = () => {
        outer.destroy();
        inner.destroy();
      };
      for (const one of [outer, inner]) one.on('error', end).on('close', end);
      outer.pipe(inner);
      inner.pipe(outer);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return port;
  }

  /** Ends every program started here and removes the namespaces with all that is in them. */
  async remove(): Promise<void> {
    for (const server of this.#servers) server.close();
    await Promise.all(this.#children.map((child) => child.end()));
    this.#removeNamespaces();
    process.removeListener('exit', this.#cleanUp);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #addHost(name: string, index: number): Host {
    this.#add(name);
    const hub = this.#namespace('hub');
    const own = this.#namespace(name);
    const link = { hub: `to-${name}`.slice(0, 15), own: 'to-hub' };
    ip('-n', hub, 'link', 'add', link.hub, 'type', 'veth', 'peer', 'name', link.own, 'netns', own);
    const host = {
      name,
      address: `10.203.${index}.2`,
      hubAddress: `10.203.${index}.1`,
      device: link.own,
    };
    ip('-n', hub, 'address', 'add', `${host.hubAddress}/30`, 'dev', link.hub);
    ip('-n', own, 'address', 'add', `${host.address}/30`, 'dev', link.own);
    ip('-n', hub, 'link', 'set', link.hub, 'up');
    ip('-n', own, 'link', 'set', link.own, 'up');
    return host;
  }

  #add(name: string): void {
    const namespace = this.#namespace(name);
    ip('netns', 'add', namespace);
    this.#names.push(namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  #namespace(name: string): string {
    return `${PREFIX}-${process.pid}-${name}`;
  }

  #removeNamespaces(): void {
    for (const name of this.#names.splice(0)) removeNamespace(name);
    for (const folder of this.#etc.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}

function ip(...args: readonly string[]): string {
  return execFileSync(IP, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function removeNamespace(name: string): void {
  try {
    ip('netns', 'delete', name);
  } catch {
    // It was never made.
  }
}

/** What a run that was killed left behind: namespaces that carry the number of a process that is gone. */
function removeLeftovers(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const name = line.split(' ')[0] ?? '';
    const pid = Number(new RegExp(`^${PREFIX}-(\\d+)-`).exec(name)?.[1] ?? process.pid);
    if (isAlive(pid)) continue;
    removeNamespace(name);
    rmSync(join(ETC, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
