import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

const LOOPBACK = '127.0.0.1';
/** Where sshd locks itself in before a login; it refuses to start as root without. */
const PRIVILEGE_SEPARATION = '/run/sshd';

export interface SshdOptions {
  /** Default: loopback. */
  readonly address?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** A program and arguments to start sshd through: `ip netns exec NAME`. */
  readonly through?: readonly string[];
  /** Lines for the server's configuration, made with its folder. */
  readonly lines?: (folder: string) => readonly string[];
}

/**
 * A real OpenSSH server on a free loopback port, with its own keys; nothing of the
 * machine's own SSH is read or changed.
 */
export class Sshd {
  readonly port: number;
  /** The running user at this server's address, as ssh(1) takes it. */
  readonly target: string;
  /** Client configuration that knows this server and holds an accepted key; for `ssh.config_file`. */
  readonly configFile: string;
  readonly folder: string;
  readonly #options: SshdOptions;
  readonly #address: string;
  #child: Child | undefined;

  private constructor(port: number, folder: string, options: SshdOptions) {
    this.port = port;
    this.folder = folder;
    this.#options = options;
    this.#address = options.address ?? LOOPBACK;
    this.target = `${userInfo().username}@${this.#address}`;
    this.configFile = join(folder, 'ssh_config');
  }

  static async start(options: SshdOptions = {}): Promise<Sshd> {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-exporter-sshd-'));
    const sshd = new Sshd(options.port ?? (await freePort()), folder, options);
    sshd.#generate('host');
    sshd.#generate('client');
    sshd.acceptKey();
    sshd.know();
    sshd.configure();
    writeFileSync(join(sshd.folder, 'sshd_config'), sshd.#serverConfig());
    await sshd.resume();
    return sshd;
  }

  /** What the server has logged since it was last started. */
  get log(): string {
    return this.#child?.output ?? '';
  }

  /** Ends the server: its port then refuses. */
  async stop(): Promise<void> {
    await this.#child?.end('SIGTERM');
  }

  /** Starts the server again on its port. */
  async resume(): Promise<void> {
    if (process.getuid?.() === 0) mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
    const command = [...(this.#options.through ?? []), '/usr/sbin/sshd', '-D', '-e'];
    const [file = '', ...args] = [...command, '-f', join(this.folder, 'sshd_config')];
    const child = new Child(file, args);
    this.#child = child;
    await until(
      () => {
        if (child.ended !== undefined) throw new Error(`sshd ended: ${child.output}`);
        return child.output.includes('Server listening');
      },
      { what: 'sshd to listen' },
    );
  }

  /** Stops it as a debugger would: its port accepts and nobody speaks. */
  freeze(): void {
    this.#child?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child?.signal('SIGCONT');
  }

  /** The client's public key, as files of keys hold it. */
  get clientKey(): string {
    return this.#publicKey('client');
  }

  /** Accepts the client's key from now on. */
  acceptKey(): void {
    writeFileSync(join(this.folder, 'authorized_keys'), this.#publicKey('client'), { mode: 0o600 });
  }

  /** Accepts no key from now on. */
  refuseKey(): void {
    writeFileSync(join(this.folder, 'authorized_keys'), '');
  }

  /** Starts again with another host key than the one the client has on record. */
  async renewHostKey(): Promise<void> {
    await this.stop();
    for (const name of ['host', 'host.pub']) rmSync(join(this.folder, name));
    this.#generate('host');
    await this.resume();
  }

  /** Puts the present host key on the client's record, in place of what stood there. */
  know(): void {
    const [type, key] = this.#publicKey('host').split(' ');
    writeFileSync(join(this.folder, 'known_hosts'), `[${this.#address}]:${this.port} ${type} ${key}\n`);
  }

  /** Empties the client's record of host keys. */
  forget(): void {
    writeFileSync(join(this.folder, 'known_hosts'), '');
  }

  /** Rewrites the client configuration with `hosts` (Host blocks) before its own. */
  configure(hosts = ''): void {
    const own = [
      'Host *',
      `  IdentityFile ${join(this.folder, 'client')}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${join(this.folder, 'known_hosts')}`,
      '  GlobalKnownHostsFile /dev/null',
    ];
    writeFileSync(this.configFile, `${hosts}\n${own.join('\n')}\n`);
  }

  /** Ends the server and removes its folder. */
  async remove(): Promise<void> {
    this.thaw();
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #serverConfig(): string {
    return [
      // Of MaxStartups the last line counts, of all else the first.
      'MaxStartups 200',
      ...(this.#options.lines?.(this.folder) ?? []),
      `ListenAddress ${this.#address}`,
      `Port ${this.port}`,
      `HostKey ${join(this.folder, 'host')}`,
      `AuthorizedKeysFile ${join(this.folder, 'authorized_keys')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'LogLevel VERBOSE',
      '',
    ].join('\n');
  }

  #generate(name: string): void {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(this.folder, name)]);
  }

  #publicKey(name: string): string {
    return readFileSync(join(this.folder, `${name}.pub`), 'utf8');
  }
}
