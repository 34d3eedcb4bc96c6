import { homedir } from 'node:os';
import { parseArgs } from 'node:util';
import { ALL_VERSIONS, GatewayHome, STORAGE_AGES, type Version } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import { SystemdMachine, systemdForbidden } from '../support/systemd-machine.ts';
import { CANDIDATES, type Candidate, isPrinted } from './candidates.ts';
import {
  acceptsToken,
  isLive,
  type Place,
  STATE_FOLDER,
  SystemdPlace,
  TerminalPlace,
  TOKENS,
  UNIT_PATH,
} from './place.ts';
import { raisePriority } from './priority.ts';
import { formatKey, keepResult, type RepairResult, readResults } from './results.ts';
import { STATES, type State } from './states.ts';

/** A command that has not ended after this long is not waited for, as nobody at night would. */
const LIMIT_MS = 60_000;
const GONE_MS = 45_000;
/** Above the greatest pid of Linux: no process has it. */
const NO_PID = 4_194_305;
/** A gateway that dies again at once was not repaired. */
const STAYS_MS = 5_000;
/** Measured in every state and with a service manager; the others as {@link isPrinted} says. */
const FULLY: readonly Version[] = STORAGE_AGES;
const ORDER: readonly Version[] = [...FULLY, ...ALL_VERSIONS.filter((version) => !FULLY.includes(version))];
const OTHER_STATES: readonly State[] = ['dead', 'mismatch', 'healthy'];

const { values } = parseArgs({
  options: {
    version: { type: 'string', multiple: true, default: [...ORDER] },
    manager: { type: 'string', multiple: true, default: ['none', 'systemd'] },
    state: { type: 'string', multiple: true, default: [...STATES] },
    again: { type: 'boolean', default: false },
  },
});

raisePriority();
for (const isDoubtful of [false, true]) {
  for (const version of ORDER) {
    for (const manager of ['none', 'systemd'] as const) {
      if (!values.version.includes(version) || !values.manager.includes(manager)) continue;
      await measureAll(version, manager, isDoubtful);
    }
  }
}

async function measureAll(version: Version, manager: 'none' | 'systemd', isDoubtful: boolean): Promise<void> {
  const open = STATES.filter((state) => values.state.includes(state)).map((state) => ({
    state,
    candidates: CANDIDATES[manager][state].filter(
      (one) =>
        (one.isDoubtful === true) === isDoubtful &&
        isMeant(version, manager, state, one) &&
        (values.again || !isMeasured(version, manager, state, one)),
    ),
  }));
  if (open.every(({ candidates }) => candidates.length === 0)) return;
  if (manager === 'systemd' && systemdForbidden() !== undefined) {
    process.stderr.write(`without systemd: ${systemdForbidden()}\n`);
    return;
  }
  const place = await createPlace(version, manager);
  try {
    for (const { state, candidates } of open) await measureState(place, state, candidates);
  } finally {
    await place.remove();
  }
}

function isMeant(version: Version, manager: 'none' | 'systemd', state: State, one: Candidate): boolean {
  if (one.versions !== undefined && !one.versions.includes(version)) return false;
  if (FULLY.includes(version)) return true;
  return manager === 'none' && OTHER_STATES.includes(state) && isPrinted(version, state, one);
}

async function createPlace(version: Version, manager: 'none' | 'systemd'): Promise<Place> {
  const home = await GatewayHome.create(version);
  return manager === 'none'
    ? new TerminalPlace(home)
    : new SystemdPlace(home, await SystemdMachine.start(home));
}

function isMeasured(
  version: Version,
  manager: 'none' | 'systemd',
  state: State,
  { steps }: Candidate,
): boolean {
  const key = formatKey({ version, manager, state, steps: steps.map((command) => ({ command })) });
  return readResults().some((one) => formatKey(one) === key);
}

async function measureState(place: Place, state: State, candidates: readonly Candidate[]): Promise<void> {
  let isStaged = false;
  for (const candidate of candidates) {
    try {
      if (!isStaged) await place.stage(state);
      const result = await measure(place, state, candidate);
      keepResult(result);
      const { steps, gone } = result;
      const ends = steps.map(({ command, exit, seconds }) => `${command} [${exit}, ${seconds} s]`).join('; ');
      process.stdout.write(
        `${place.home.version} ${place.manager} ${state}: ${ends} -> ${gone ? 'gone' : 'still there'}\n`,
      );
      isStaged = candidate.reads === true && !(gone && state !== 'healthy');
    } catch (error) {
      isStaged = false;
      process.stderr.write(`${place.home.version} ${place.manager} ${state} ${candidate.steps}: ${error}\n`);
    }
  }
}

async function measure(
  place: Place,
  state: State,
  { steps, terminal, reads }: Candidate,
): Promise<RepairResult> {
  const startedAt = performance.now();
  const done: RepairResult['steps'][number][] = [];
  for (const command of steps) done.push(await runStep(place, command, terminal === true));
  const gone = reads === true ? await isWell(place, state) : await isGone(place, state);
  return {
    version: place.home.version,
    manager: place.manager,
    state,
    steps: done,
    gone,
    secondsUntilGone: gone ? secondsSince(startedAt) : null,
    measuredAt: new Date().toISOString().slice(0, 10),
  };
}

async function runStep(place: Place, command: string, terminal: boolean) {
  const startedAt = performance.now();
  const pid = command.includes('PID') ? String((await place.pidToName()) ?? NO_PID) : '';
  const staysInFront = command.startsWith('openclaw gateway run') && !command.includes('OTHER');
  const line = command.replace('PID', pid).replace('OTHER', String(await freePort()));
  const limited = staysInFront ? line : `timeout -s KILL ${LIMIT_MS / 1000} ${asArguments(line)}`;
  const child = place.start(limited, terminal);
  let exit: RepairResult['steps'][number]['exit'] = 'no end';
  while (performance.now() - startedAt < LIMIT_MS + 2_000) {
    if (child.ended !== undefined) {
      exit = typeof child.ended === 'number' && child.ended !== 137 ? child.ended : 'no end';
      break;
    }
    if (staysInFront && (await isLive(place.home.port))) {
      exit = 'runs';
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // A person goes on when the process is gone, not when the signal is sent.
  if (/^kill (?:-INT|-KILL|PID)/.test(command)) await untilEnded(place, pid, startedAt);
  return { command, seconds: secondsSince(startedAt), exit, output: summarize(place, child.output) };
}

async function untilEnded(place: Place, pid: string, startedAt: number): Promise<void> {
  while (String(await place.pidToName()) === pid && performance.now() - startedAt < LIMIT_MS) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** `timeout` starts a program, not a line of a shell. */
function asArguments(line: string): string {
  return `sh -c '${line.replaceAll("'", "'\\''")}'`;
}

async function isGone(place: Place, state: State): Promise<boolean> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < GONE_MS) {
    if (await isWell(place, state)) {
      await new Promise((resolve) => setTimeout(resolve, STAYS_MS));
      return isWell(place, state);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  return false;
}

async function isWell(place: Place, state: State): Promise<boolean> {
  const { port } = place.home;
  if (!(await isLive(port))) return false;
  const config = place.read(`${STATE_FOLDER}/openclaw.json`);
  const token: unknown = JSON.parse(config).gateway?.auth?.token;
  if (!(await acceptsToken(port, typeof token === 'string' ? token : TOKENS.configured))) return false;
  if (state === 'second-gateway') return !(await place.hasSecond());
  if (state !== 'drift') return true;
  const places = [place.read(`${STATE_FOLDER}/.env`), place.read(UNIT_PATH)];
  return places.every((text) => !text.includes(TOKENS.other));
}

/** The last line that says something, without what is not for a report. */
function summarize(place: Place, output: string): string {
  const { home, root, port } = place.home;
  const lines = output
    .replaceAll(TOKENS.configured, 'TOKEN')
    .replaceAll(TOKENS.other, 'TOKEN')
    .replaceAll(home, '~')
    .replaceAll(root, '~')
    .replaceAll(homedir(), '~')
    .replaceAll(String(port), 'PORT')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are coloured with them.
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .split(/[\r\n]+/)
    .map((line) => line.replace(/^[\s│◇◆┌└├─╮╯]+|[\s│╮╯]+$/g, ''))
    .filter((line) => /[A-Za-z]{3}/.test(line));
  const telling = lines.findLast((line) =>
    /error|fail|refus|disabled|not |cannot|unknown|restart/i.test(line),
  );
  return (telling ?? lines.at(-1) ?? '').slice(0, 160);
}

function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 100) / 10;
}
