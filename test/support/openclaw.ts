import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { rememberSecret } from './secrets.ts';
import { NeverAnyMore, until } from './until.ts';

const run = promisify(execFile);

/** One gateway version for each age of cron's storage: SQLite with receipts, SQLite with run logs, files. */
export const STORAGE_AGES = ['2026.9.6', '2026.7.35', '2026.5.7'] as const;
/** The gateway versions the other suites run against: protocol 4 and 3. */
export const VERSIONS = ['2026.9.6', '2026.5.7'] as const;
/**
 * Every version that is looked at by hand: each age of storage, protocol and lock, and those around a change.
 */
export const ALL_VERSIONS = [
  '2026.5.7',
  '2026.6.1',
  '2026.6.35',
  '2026.7.1',
  '2026.7.35',
  '2026.8.1',
  '2026.8.2',
  '2026.9.1',
  '2026.9.6',
] as const;
export type Version = (typeof ALL_VERSIONS)[number];

const CACHE = process.env.OPENCLAW_E2E_CACHE ?? join(homedir(), '.cache', 'openclaw-gateway-exporter-e2e');

/**
 * Installs a gateway from the npm registry once and returns its program file; several
 * processes may ask at a time.
 */
async function installOpenClaw(version: Version): Promise<string> {
  const folder = join(CACHE, version);
  const program = join(folder, 'node_modules', 'openclaw', 'openclaw.mjs');
  if (existsSync(join(folder, 'installed'))) return program;
  mkdirSync(CACHE, { recursive: true });
  const own = mkdtempSync(join(CACHE, `${version}.`));
  writeFileSync(join(own, 'package.json'), '{"private":true}\n');
  await run('npm', ['install', `openclaw@${version}`, '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: own,
    maxBuffer: 64 * 1024 * 1024,
  });
  writeFileSync(join(own, 'installed'), '');
  claim(own, folder);
  return program;
}

/** Puts a finished installation in its place, unless another process was first; half of one is replaced. */
function claim(own: string, folder: string): void {
  if (!existsSync(join(folder, 'installed'))) rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(own, folder);
  } catch {
    rmSync(own, { recursive: true, force: true });
    if (!existsSync(join(folder, 'installed'))) throw new Error(`${folder} cannot be made`);
  }
}

/** With this a gateway from 2026.9 on ends where its own thread had no processor for five seconds. */
const NO_HEARTBEAT = 'state lease heartbeat did not become ready';
const MAX_STARTS = 3;

/** A token that no other test uses; every output of every suite is searched for it at the end. */
export function newToken(): string {
  const token = randomBytes(24).toString('hex');
  rememberSecret(token);
  return token;
}

/** A gateway's home, state folder and port; survives the gateway's restarts. */
export class GatewayHome {
  readonly root: string;
  readonly home: string;
  readonly stateDir: string;
  readonly version: Version;
  readonly program: string;
  readonly port: number;

  private constructor(version: Version, program: string, port: number, root: string) {
    this.version = version;
    this.program = program;
    this.port = port;
    this.root = root;
    this.home = join(root, 'home');
    this.stateDir = join(this.home, '.openclaw');
    mkdirSync(this.stateDir, { recursive: true });
    mkdirSync(join(root, 'tmp'), { recursive: true });
  }

  static async create(version: Version): Promise<GatewayHome> {
    const root = mkdtempSync(join(tmpdir(), 'openclaw-e2e-'));
    return new GatewayHome(version, await installOpenClaw(version), await freePort(), root);
  }

  /** As {@link create}, with an installation of its own that a test may change. */
  static async createWithOwnPackage(version: Version): Promise<GatewayHome> {
    const root = mkdtempSync(join(tmpdir(), 'openclaw-e2e-'));
    const modules = dirname(dirname(await installOpenClaw(version)));
    const copy = join(root, 'node_modules');
    // No hard links: 2026.5.7 then opens none of its bundled plugins, here and where the package is shared.
    await run('cp', ['-a', modules, copy]);
    return new GatewayHome(version, join(copy, 'openclaw', 'openclaw.mjs'), await freePort(), root);
  }

  /**
   * The same home and port with another version of the program, to be started once
   * this one's gateway has ended.
   */
  async upgradedTo(version: Version): Promise<GatewayHome> {
    return new GatewayHome(version, await installOpenClaw(version), this.port, this.root);
  }

  /** Writes `openclaw.json`, as a user has it. */
  configure(token: string, extra: Readonly<Record<string, unknown>> = {}): void {
    const config = {
      gateway: { mode: 'local', port: this.port, bind: 'loopback', auth: { mode: 'token', token } },
      ...extra,
    };
    writeFileSync(join(this.stateDir, 'openclaw.json'), JSON.stringify(config), { mode: 0o600 });
  }

  /** The environment in which gateway, CLI and exporter find this home by themselves. */
  get env(): Record<string, string> {
    return { HOME: this.home, TMPDIR: join(this.root, 'tmp'), OPENCLAW_SKIP_UPDATE_CHECK: '1' };
  }

  /** Starts the gateway; with `token`, one that differs from the configuration's. */
  start(token?: string): Child {
    const differing = token === undefined ? [] : ['--token', token];
    const args = [this.program, 'gateway', 'run', '--allow-unconfigured', '--auth', 'token', ...differing];
    return new Child(process.execPath, args, { env: this.env, cwd: this.root });
  }

  /** Starts the gateway and waits until `/readyz` says so. */
  async startReady(token?: string): Promise<Child> {
    for (let start = 1; ; start += 1) {
      const gateway = this.start(token);
      try {
        await this.untilReady(gateway);
        return gateway;
      } catch (error) {
        if (start === MAX_STARTS || !gateway.output.includes(NO_HEARTBEAT)) throw error;
      }
    }
  }

  /** Starts the gateway on another port than the configured one, and waits until it is ready there. */
  async startReadyOn(port: number): Promise<Child> {
    const args = [this.program, 'gateway', 'run', '--allow-unconfigured', '--auth', 'token'];
    const child = new Child(process.execPath, [...args, '--port', String(port)], {
      env: this.env,
      cwd: this.root,
    });
    await this.untilReady(child, port);
    return child;
  }

  /** As {@link startReady}; on a busy machine 2026.9.6 gives up when its lease is not ready within 5 s. */
  async startPatiently(): Promise<Child> {
    return this.startReady()
      .catch(() => this.startReady())
      .catch(() => this.startReady());
  }

  /** Waits until `/readyz` says that a gateway that was started is ready. */
  async untilReady(gateway: Child, port = this.port): Promise<void> {
    await until(
      async () => {
        if (gateway.ended !== undefined) {
          throw new NeverAnyMore(`gateway ended: ${gateway.output.slice(-2000)}`);
        }
        return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
      },
      { timeoutMs: 120_000, everyMs: 250, what: `gateway ${this.version} to be ready` },
    );
  }

  /** Runs the CLI against this home's gateway and returns what it printed. */
  async cli(token: string, ...args: readonly string[]): Promise<string> {
    const env = { ...this.env, PATH: process.env.PATH ?? '', OPENCLAW_GATEWAY_TOKEN: token, NO_COLOR: '1' };
    const { stdout } = await run(process.execPath, [this.program, ...args], { env, cwd: this.root });
    return stdout;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** How many attempts the gateway itself says it refused for a wrong token. */
export function refusedAttempts(gateway: Child): number {
  return gateway.output.split('\n').filter((line) => /unauthorized conn=.*reason=token_mismatch/.test(line))
    .length;
}
