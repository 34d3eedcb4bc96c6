import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Child } from '../support/child.ts';
import { type GatewayHome, newToken } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import type { SystemdMachine } from '../support/systemd-machine.ts';
import { until } from '../support/until.ts';
import type { State } from './states.ts';

/** A gateway with or without a service manager, which can be put into a state and repaired by commands. */
export interface Place {
  readonly manager: 'none' | 'systemd';
  readonly home: GatewayHome;
  /** Brings about the state anew, whatever the one before left. */
  stage(state: State): Promise<void>;
  /** Starts a command line as the gateway's owner would; `terminal` gives it one. */
  start(command: string, terminal: boolean): Child;
  /**
   * The process that a step names, as the one who runs the commands sees it: the gateway's, of two gateways the second;
   * undefined where there is none.
   */
  pidToName(): Promise<number | undefined>;
  /** Whether two gateways are at work; of a service, whether another one has its port. */
  hasSecond(): Promise<boolean>;
  /** Text of a file below the owner's home, or empty. */
  read(path: string): string;
  remove(): Promise<void>;
}

/** What a gateway's configuration and its places of a token hold in a state. */
export interface Tokens {
  readonly configured: string;
  readonly other: string;
}

export const TOKENS: Tokens = { configured: newToken(), other: newToken() };
const UNIT = 'openclaw-gateway.service';
/** A second gateway that is still there after this long does not end by itself. */
const SECOND_STAYS_MS = 20_000;
/** Where the gateway outside the service leaves its pid, below the owner's home. */
const OUTSIDE = 'outside.pid';
/** A key that no version knows: each start ends at once with it. */
const UNKNOWN_KEY = { gatway: { port: 1 } };

/** Whether `/healthz` answers as a gateway does. */
export async function isLive(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2_000) });
    return response.ok && (await response.text()).includes('"live"');
  } catch {
    return false;
  }
}

/** Whether the gateway accepts the configured token. */
export async function acceptsToken(port: number, token: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/tools/invoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tool: 'sessions_list', args: { limit: 1 } }),
      signal: AbortSignal.timeout(5_000),
    });
    return response.status === 200 || response.status === 404;
  } catch {
    return false;
  }
}

/** A gateway in a terminal, without a service manager. */
export class TerminalPlace implements Place {
  readonly manager = 'none';
  readonly home: GatewayHome;
  readonly #bin: string;
  readonly #accounts: string;
  /** Of two gateways the one that was meant. */
  #main: number | undefined;

  constructor(home: GatewayHome) {
    this.home = home;
    this.#accounts = join(home.root, 'passwd');
    writeFileSync(this.#accounts, `root:x:0:0:root:${home.home}:/bin/sh\n`);
    this.#bin = join(home.root, 'bin');
    mkdirSync(this.#bin);
    symlinkSync(process.execPath, join(this.#bin, 'node'));
    symlinkSync(home.program, join(this.#bin, 'openclaw'));
  }

  async stage(state: State): Promise<void> {
    await this.#endAll();
    this.#main = undefined;
    rmSync(join(this.home.stateDir, '.env'), { force: true });
    this.home.configure(TOKENS.configured);
    const flags = state === 'mismatch' ? ` --token ${TOKENS.other}` : '';
    const gateway = this.start(`exec openclaw gateway run${flags}`, false);
    await this.home.untilReady(gateway);
    if (state === 'dead' || state === 'crash-loop') await gateway.end('SIGKILL');
    if (state === 'crash-loop') this.home.configure(TOKENS.configured, UNKNOWN_KEY);
    if (state === 'hung') process.kill(await this.#pidOf(), 'SIGSTOP');
    if (state === 'second-gateway') await this.#startSecond();
    if (state === 'drift') {
      writeFileSync(join(this.home.stateDir, '.env'), `OPENCLAW_GATEWAY_TOKEN=${TOKENS.other}\n`, {
        mode: 0o600,
      });
    }
  }

  start(command: string, terminal: boolean): Child {
    const env = { ...this.home.env, PATH: `${this.#bin}:/usr/bin:/bin`, NO_COLOR: '1', TERM: 'xterm' };
    const run = terminal ? ['script', '-qec', command, '/dev/null'] : ['sh', '-c', command];
    // The CLI leaves a service alone where HOME is not the account's home, so here it is.
    const asOwner = 'mount --bind "$0" /etc/passwd && exec "$@"';
    return new Child(
      'unshare',
      ['--mount', 'sh', '-c', asOwner, this.#accounts, 'setsid', '--wait', ...run],
      {
        env,
        cwd: this.home.root,
      },
    );
  }

  async pidToName(): Promise<number | undefined> {
    return this.#gateways().find((pid) => pid !== this.#main);
  }

  async hasSecond(): Promise<boolean> {
    return this.#gateways().length > 1;
  }

  #gateways(): number[] {
    return this.#processes()
      .filter(({ argv }) => isGateway(argv))
      .map(({ pid }) => pid);
  }

  /** 2026.5 works on one state folder with two gateways, 2026.7 lets the second wait, 2026.9 ends it by itself. */
  async #startSecond(): Promise<void> {
    this.#main = await this.#pidOf();
    if (this.home.version === '2026.9.6') return;
    const port = await freePort();
    const endMs = performance.now() + SECOND_STAYS_MS;
    this.start(`exec openclaw gateway run --port ${port}`, false);
    const isThere = async () =>
      (await this.hasSecond()) && (performance.now() > endMs || (await isLive(port)));
    await until(isThere, { what: 'the second gateway', timeoutMs: 120_000, everyMs: 250 });
  }

  read(path: string): string {
    const file = join(this.home.home, path);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  async remove(): Promise<void> {
    await this.#endAll();
    this.home.remove();
  }

  async #pidOf(): Promise<number> {
    const pid = await this.pidToName();
    if (pid === undefined) throw new Error('no gateway process was found');
    return pid;
  }

  /** Only what runs with this home, which is the campaign's own. */
  #processes(): { readonly pid: number; readonly argv: readonly string[] }[] {
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
        if (!environment.includes(`HOME=${this.home.home}`)) return [];
        return [{ pid: Number(name), argv: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0') }];
      } catch {
        return [];
      }
    });
  }

  async #endAll(): Promise<void> {
    await until(
      () => {
        for (const { pid } of this.#processes()) process.kill(pid, 'SIGKILL');
        return this.#processes().length === 0;
      },
      { what: 'the last gateway to end', everyMs: 100 },
    );
  }
}

/** Renamed to `openclaw-gateway` or `openclaw`, or still with its whole command line. */
function isGateway(argv: readonly string[]): boolean {
  const line = argv.join(' ').trim();
  return (
    /^openclaw(?:-gateway)?\b/.test(line) || (/ gateway run(?: |$)/.test(line) && /node/.test(argv[0] ?? ''))
  );
}

/** The same as a service of a user, under the real systemd. */
export class SystemdPlace implements Place {
  readonly manager = 'systemd';
  readonly home: GatewayHome;
  readonly #machine: SystemdMachine;
  readonly #unitFile: string;
  #unit = '';
  #outside: Child | undefined;

  constructor(home: GatewayHome, machine: SystemdMachine) {
    this.home = home;
    this.#machine = machine;
    this.#unitFile = join(machine.user.home, '.config/systemd/user', UNIT);
  }

  async stage(state: State): Promise<void> {
    this.#configure({});
    if (this.#unit === '') {
      await this.#asUser('openclaw', 'gateway', 'install', '--port', String(this.home.port));
      this.#unit = readFileSync(this.#machine.path(this.#unitFile), 'utf8');
    }
    await this.#machine.asUser('systemctl', '--user', 'kill', '--signal=SIGKILL', UNIT);
    this.#machine.write(this.#unitFile, state === 'mismatch' ? this.#withOtherToken() : this.#unit);
    await this.#asUser('systemctl', '--user', 'daemon-reload');
    await this.#machine.asUser('systemctl', '--user', 'stop', UNIT);
    await this.#machine.asUser('systemctl', '--user', 'reset-failed', UNIT);
    await this.#outside?.end('SIGKILL');
    await this.#machine.asRoot('pkill', '-KILL', '-u', this.#machine.user.name, '-f', '^openclaw');
    this.#outside = undefined;
    if (state === 'crash-loop') this.#configure(UNKNOWN_KEY);
    if (state === 'dead') return;
    if (state === 'second-gateway') {
      this.#outside = this.start(`echo $$ >${OUTSIDE}; exec openclaw gateway run`, false);
      await this.#untilLive();
    }
    await this.#asUser('systemctl', '--user', 'start', UNIT);
    if (state === 'crash-loop') return;
    if (state === 'second-gateway') return this.#untilShutOut();
    await this.#untilLive();
    if (state === 'hung') await this.#machine.asRoot('kill', '-STOP', String(await this.pidToName()));
    if (state === 'drift') {
      const stale = `[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=${TOKENS.other}`;
      this.#machine.write(this.#unitFile, this.#unit.replace('[Service]', stale));
      await this.#asUser('systemctl', '--user', 'daemon-reload');
    }
  }

  start(command: string, terminal: boolean): Child {
    const run = terminal ? ['script', '-qec', command, '/dev/null'] : ['sh', '-c', command];
    return this.#machine.startAsUser(this.#machine.user.home, ['setsid', '--wait', ...run], {
      TERM: 'xterm',
    });
  }

  async pidToName(): Promise<number | undefined> {
    if (this.#outside !== undefined) return this.#outsidePid();
    const pid = Number(await this.#show('MainPID'));
    return pid > 0 ? pid : undefined;
  }

  async hasSecond(): Promise<boolean> {
    return this.#outsidePid() !== undefined || (await this.#show('SubState')) !== 'running';
  }

  #outsidePid(): number | undefined {
    const pid = Number(this.read(OUTSIDE));
    return this.#outside !== undefined && existsSync(this.#machine.path(`/proc/${pid}`)) ? pid : undefined;
  }

  async #show(property: string): Promise<string> {
    const shown = ['systemctl', '--user', 'show', '--value', `--property=${property}`, UNIT];
    return (await this.#machine.asUser(...shown)).output.trim();
  }

  #untilLive(): Promise<unknown> {
    return until(() => isLive(this.home.port), {
      what: 'the gateway to answer',
      timeoutMs: 120_000,
      everyMs: 250,
    });
  }

  /** The service ends, again and again; that of 2026.7 waits. */
  async #untilShutOut(): Promise<void> {
    const endMs = performance.now() + SECOND_STAYS_MS;
    const isShutOut = async () => performance.now() > endMs || (await this.#show('SubState')) !== 'running';
    await until(isShutOut, { what: 'the service to be shut out', timeoutMs: 120_000, everyMs: 250 });
  }

  read(path: string): string {
    const file = this.#machine.path(join(this.#machine.user.home, path));
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  async remove(): Promise<void> {
    await this.#machine.remove();
    this.home.remove();
  }

  #withOtherToken(): string {
    return this.#unit.replace(/^(ExecStart=.*)$/m, `$1 --token ${TOKENS.other}`);
  }

  #configure(more: Readonly<Record<string, unknown>>): void {
    this.home.configure(TOKENS.configured, more);
    const text = readFileSync(join(this.home.stateDir, 'openclaw.json'), 'utf8');
    this.#machine.write(join(this.#machine.user.home, '.openclaw/openclaw.json'), text);
  }

  async #asUser(...command: readonly string[]): Promise<void> {
    const { code, output } = await this.#machine.asUser(...command);
    if (code !== 0) throw new Error(`${command.join(' ')}: ${output}`);
  }
}

/** The folder of the state of whoever runs the commands, for {@link Place.read}. */
export const STATE_FOLDER = '.openclaw';
/** The user's unit of the gateway, for {@link Place.read}. */
export const UNIT_PATH = join('.config/systemd/user', UNIT);
