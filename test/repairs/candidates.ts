import { isVersionBefore } from '../../src/openclaw/versions.ts';
import type { Version } from '../support/openclaw.ts';
import type { State } from './states.ts';

/** One way to repair a state: commands in order, each copyable by itself. */
export interface Candidate {
  readonly steps: readonly string[];
  /** It changes nothing: the state need not be brought about anew after it. */
  readonly reads?: true;
  /** It needs a terminal. */
  readonly terminal?: true;
  /** Measured last. */
  readonly isDoubtful?: true;
  /** The versions in which it means something; all where it is absent. */
  readonly versions?: readonly Version[];
}

const RUN = 'openclaw gateway run';
const RESTART = 'openclaw gateway restart';
const SYSTEMD_RESTART = 'systemctl --user restart openclaw-gateway.service';
const INSTALL = 'openclaw gateway install --force';
const DOCTOR_FIX = 'openclaw doctor --fix';
const KILL = 'kill -KILL PID';
/** What Ctrl+C does in the terminal. */
const END = 'kill -INT PID';

const reads = (...commands: readonly string[]): Candidate[] =>
  commands.map((command) => ({ steps: [command], reads: true }));
const ways = (...all: readonly (readonly string[])[]): Candidate[] => all.map((steps) => ({ steps }));
/** What is known or likely not to help; measured when all else is. */
const doubtful = (...candidates: readonly Candidate[]): Candidate[] =>
  candidates.map((candidate) => ({ ...candidate, isDoubtful: true }));

const STATUS = 'openclaw gateway status --deep';
const LOGS = 'openclaw logs --limit 100 --plain';
const DOCTOR = 'openclaw doctor';
const VALIDATE = 'openclaw config validate';
const SAFE_RESTART = 'openclaw gateway restart --safe';
const SHOW: Candidate = { steps: ['openclaw gateway auth-token --show'], reads: true, terminal: true };
const SYSTEMD_KILL = 'systemctl --user kill --signal=SIGKILL openclaw-gateway.service';
const SYSTEMD_CONTINUE = 'systemctl --user kill --signal=SIGCONT openclaw-gateway.service';

const SECOND = 'openclaw gateway run --port OTHER';
/** The first version whose gateway is restarted by the CLI without a service, and that shows its token. */
const RESTARTS = [2026, 9];

/** Of the versions that are not measured in every state: what is printed there for a gateway in a terminal. */
export function isPrinted(version: Version, state: State, { steps }: Candidate): boolean {
  const line = steps.join();
  if (line === RUN || line === LOGS || line === [END, RUN].join()) return true;
  if (isVersionBefore(version, RESTARTS)) return false;
  return line === SHOW.steps.join() || (state === 'healthy' && line === RESTART);
}

/** All that is, was or might be printed for a state. A wrong copy of a token is mended by hand. */
export const CANDIDATES: Readonly<Record<'none' | 'systemd', Readonly<Record<State, readonly Candidate[]>>>> =
  {
    none: {
      dead: [
        ...reads(STATUS, LOGS),
        ...ways([RUN], [RESTART]),
        ...doubtful(...ways(['openclaw gateway start'], [DOCTOR_FIX, RUN], [INSTALL]), ...reads(DOCTOR)),
      ],
      hung: [
        ...ways(['kill -CONT PID'], [KILL, RUN], ['openclaw gateway run --force'], [RESTART]),
        ...doubtful(...reads(STATUS, LOGS), ...ways(['openclaw gateway stop', RUN], [`${RESTART} --force`])),
      ],
      mismatch: [
        SHOW,
        ...ways([END, RUN], [RESTART]),
        ...doubtful(...reads(STATUS, 'openclaw devices list', DOCTOR)),
        ...doubtful(...ways(['openclaw gateway stop', RUN], [SAFE_RESTART], [DOCTOR_FIX])),
      ],
      'crash-loop': [...reads(VALIDATE), ...ways([DOCTOR_FIX, RUN]), ...doubtful(...reads(LOGS, DOCTOR))],
      drift: [
        ...ways(["sed -i '/^OPENCLAW_GATEWAY_TOKEN=/d' ~/.openclaw/.env"]),
        ...doubtful(...ways([RESTART], [DOCTOR_FIX])),
      ],
      'second-gateway': [
        { steps: ['kill PID'], versions: ['2026.5.7', '2026.7.35'] },
        { steps: [SECOND], reads: true, versions: ['2026.9.6'] },
      ],
      healthy: [
        ...reads(STATUS, LOGS, DOCTOR, VALIDATE),
        ...ways([RESTART], [SAFE_RESTART]),
        ...doubtful(...reads('openclaw status --deep', 'openclaw cron list', 'openclaw gateway probe')),
        ...doubtful(...reads('openclaw channels status', 'openclaw devices list'), ...ways([DOCTOR_FIX])),
      ],
    },
    systemd: {
      dead: [
        ...reads(STATUS, LOGS),
        ...ways([SYSTEMD_RESTART], [RESTART]),
        ...doubtful(...ways(['openclaw gateway start'], [INSTALL])),
      ],
      hung: [
        ...ways([SYSTEMD_CONTINUE], [SYSTEMD_KILL], [SYSTEMD_RESTART]),
        ...doubtful(...ways([RESTART]), ...reads(STATUS)),
      ],
      mismatch: [
        SHOW,
        ...ways([INSTALL], [SYSTEMD_RESTART]),
        ...doubtful(...ways([RESTART], [DOCTOR_FIX], [INSTALL, SYSTEMD_RESTART])),
      ],
      'crash-loop': [
        ...reads(VALIDATE),
        ...ways([DOCTOR_FIX, SYSTEMD_RESTART]),
        ...doubtful(...ways([SYSTEMD_RESTART], [DOCTOR_FIX])),
      ],
      drift: [...ways([INSTALL]), ...doubtful(...ways([DOCTOR_FIX]))],
      'second-gateway': [
        ...reads('ps -fp PID'),
        ...ways([END, SYSTEMD_RESTART]),
        ...doubtful(...ways([SYSTEMD_RESTART], [RESTART], [INSTALL])),
      ],
      healthy: [
        ...reads(STATUS),
        ...ways([SYSTEMD_RESTART], [RESTART]),
        ...doubtful(...ways([SAFE_RESTART])),
      ],
    },
  };
