import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Child } from '../../test/support/child.ts';
import { FreshClone, registryVariables } from '../../test/support/fresh-clone.ts';
import { GatewayHome } from '../../test/support/openclaw.ts';
import { nextStepOf, SystemdMachine } from '../../test/support/systemd-machine.ts';
import { NeverAnyMore, until } from '../../test/support/until.ts';

/**
 * A newcomer's first session in a fresh clone, beside a real gateway that is a service of the real systemd,
 * played and written to docs/first-session.md. Needs root, for a machine of its own.
 */
const PAGE = join(import.meta.dirname, '..', 'first-session.md');
const VERSION = '2026.9.6';
const URL = 'http://127.0.0.1:10789';
const CLONE = '/opt/clone';
const METRICS = `curl -s ${URL}/metrics | grep -E '^openclaw_gateway_(process_up|service_active|up|token_match)'`;
const CHECK = 'npm start -- check';
const UNIT = 'openclaw-gateway.service';
const DROP_IN = `~/.config/systemd/user/${UNIT}.d/old-token.conf`;
const OLD_TOKEN = `(echo '[Service]'; systemctl --user cat ${UNIT} | sed -n 's/^ExecStart=.*/ExecStart=\\n& --token an-old-one/p') > ${DROP_IN}`;
const RESTART = `systemctl --user daemon-reload && systemctl --user restart ${UNIT}`;
const ALL_CLEAR = {
  openclaw_gateway_process_up: 1,
  openclaw_gateway_service_active: 1,
  openclaw_gateway_up: 1,
  openclaw_gateway_token_match: 1,
};

interface Shown {
  readonly command: string;
  readonly output: string;
}

/** Plays the session on a machine and keeps what a reader would have seen. */
class Session {
  readonly steps: string[] = [];
  totalMs = 0;
  readonly #machine: SystemdMachine;
  readonly #gatewayPort: number;

  constructor(machine: SystemdMachine, gatewayPort: number) {
    this.#machine = machine;
    this.#gatewayPort = gatewayPort;
  }

  async step(words: string, ...acts: readonly (() => Promise<Shown>)[]): Promise<void> {
    process.stderr.write(`${words}\n`);
    const from = performance.now();
    const shown: string[] = [];
    for (const act of acts) {
      const { command, output } = await act();
      shown.push([`$ ${command}`, this.#normalised(output)].join('\n').trim());
    }
    const tookMs = performance.now() - from;
    this.totalMs += tookMs;
    const console = ['```console', shown.join('\n\n'), '```'].join('\n');
    this.steps.push(`## ${words}\n\n${(tookMs / 1000).toFixed(1)} s\n\n${console}\n`);
  }

  /** Starts a command line in the clone. */
  start(command: string): Child {
    return this.#machine.startAsUser(CLONE, ['sh', '-c', command], registryVariables());
  }

  /** Runs a command line in the clone to its end. */
  async run(command: string): Promise<Shown & { readonly code: unknown }> {
    const child = this.start(command);
    const code = await child.exited;
    return { command, output: child.output, code };
  }

  /** Waits until the metrics say so, and looks at them. */
  async metrics(expected: Readonly<Record<string, number | 'absent'>>): Promise<Shown> {
    for (const [name, value] of Object.entries(expected)) await metricsSay(name, value);
    return this.run(METRICS);
  }

  async check(): Promise<Shown> {
    const { output, code } = await this.run(CHECK);
    return { command: CHECK, output: `${output.trimEnd()}\n\n$ echo $?\n${code}` };
  }

  /** As a reader's machine would show it: no folder and no port of the one it was recorded on. */
  #normalised(output: string): string {
    return stripVTControlCharacters(output)
      .split('\n')
      .filter((line) => !/^npm (warn|notice)/.test(line))
      .join('\n')
      .replaceAll(CLONE, '~/openclaw-gateway-exporter')
      .replaceAll(this.#machine.user.home, '~')
      .replaceAll(String(this.#gatewayPort), '18789')
      .replace(/\n{3,}/g, '\n\n')
      .trim();
  }
}

/** Waits until the metric has that value, or none at all. */
async function metricsSay(name: string, value: number | 'absent'): Promise<void> {
  const line = new RegExp(`^${name}(\\{.*\\})? (?<value>\\S+)$`, 'm');
  await until(
    async () => {
      const shown = line.exec(await (await fetch(`${URL}/metrics`)).text())?.groups?.value;
      return (shown ?? 'absent') === String(value);
    },
    { what: `${name} ${value}`, timeoutMs: 90_000 },
  );
}

async function play(session: Session): Promise<void> {
  await installAndLook(session);
  await stopAndRepair(session);
  await startWithAnOldToken(session);
}

async function installAndLook(session: Session): Promise<void> {
  await session.step('Install and start', async () => {
    const command = 'npm install && npm start';
    const started = session.start(command);
    await until(
      () => {
        if (started.ended !== undefined) throw new NeverAnyMore(started.output);
        return started.output.includes('msg=serving');
      },
      { what: 'it to serve', timeoutMs: 60_000 },
    );
    return { command, output: started.output };
  });
  await session.step('Look, in a second terminal', () => session.metrics(ALL_CLEAR));
  await session.step('Ask what is wrong', () => session.check());
}

async function stopAndRepair(session: Session): Promise<void> {
  let checked: Shown = { command: '', output: '' };
  await session.step(
    'Stop the gateway: the metrics say so, and nothing of its token',
    () => session.run(`systemctl --user stop ${UNIT}`),
    () =>
      session.metrics({
        openclaw_gateway_service_active: 0,
        openclaw_gateway_up: 0,
        openclaw_gateway_token_match: 'absent',
      }),
  );
  await session.step('... and check says what to do', async () => {
    checked = await session.check();
    return checked;
  });
  await session.step(
    'Do it: all clear',
    () => session.run(nextStepOf(checked.output)),
    () => session.metrics(ALL_CLEAR),
  );
}

async function startWithAnOldToken(session: Session): Promise<void> {
  await session.step(
    'Let the service start it with an old token, as a unit may keep one: it lives, and refuses',
    () => session.run(`mkdir -p ${dirname(DROP_IN)}`),
    () => session.run(OLD_TOKEN),
    () => session.run(RESTART),
    () => session.metrics({ openclaw_gateway_token_match: 0, openclaw_gateway_up: 1 }),
  );
  await session.step('... and check says which, and what to do', () => session.check());
  await session.step(
    'Take the old token away and restart: all clear',
    () => session.run(`rm ${DROP_IN} && ${RESTART}`),
    () => session.metrics(ALL_CLEAR),
  );
  await session.step('... for check as well', () => session.check());
}

const home = await GatewayHome.create(VERSION);
const clone = FreshClone.make();
const machine = await SystemdMachine.start(home, { [clone.folder]: CLONE });
try {
  execFileSync('chown', ['-R', String(machine.user.id), clone.folder]);
  const npmrc = join(homedir(), '.npmrc');
  if (existsSync(npmrc)) machine.write(join(machine.user.home, '.npmrc'), readFileSync(npmrc, 'utf8'));
  // Its clock is the real machine's, kept in step by whatever that has: no program here can say so.
  await machine.asRoot('mount', '--bind', '/bin/false', '/usr/bin/timedatectl');
  await machine.installGateway(home);
  const session = new Session(machine, home.port);
  await play(session);
  const total = Math.round(session.totalMs / 1000);
  const head = `# A first session

Recorded by \`npm run first-session\` in a fresh clone beside a real gateway ${VERSION} that \`openclaw gateway install\` made a service of the
user: every command below was run as it stands, and nothing below it was typed by hand. Paths and the gateway's port are written as on a
reader's machine, npm's own warnings and notices are left out. Under each title stands how long the step took, with the wait until the
exporter noticed: ${total} s together, without the reading.
`;
  writeFileSync(PAGE, [head, ...session.steps].join('\n'));
} finally {
  await machine.remove();
  clone.remove();
  home.remove();
}
