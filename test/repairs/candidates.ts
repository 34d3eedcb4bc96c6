import type { State } from './place.ts';

/** One way to repair a state: commands in order, each copyable by itself. */
export interface Candidate {
  readonly steps: readonly string[];
  /** It changes nothing: the state need not be brought about anew after it. */
  readonly reads?: true;
  /** It wants a terminal. */
  readonly terminal?: true;
}

const RUN = 'openclaw gateway run';
const RESTART = 'openclaw gateway restart';
const SYSTEMD_RESTART = 'systemctl --user restart openclaw-gateway.service';
const INSTALL = 'openclaw gateway install --force';
const DOCTOR_FIX = 'openclaw doctor --fix';
const KILL = 'kill -KILL PID';

const reads = (...commands: readonly string[]): Candidate[] =>
  commands.map((command) => ({ steps: [command], reads: true }));
const ways = (...all: readonly (readonly string[])[]): Candidate[] => all.map((steps) => ({ steps }));

const STATUS = 'openclaw gateway status --deep';
const LOGS = 'openclaw logs --limit 100 --plain';
const DOCTOR = 'openclaw doctor';
const SHOW: Candidate = { steps: ['openclaw gateway auth-token --show'], reads: true, terminal: true };

/** Everything that is, was or might be printed for a state. What a place of a token holds wrongly is mended by hand. */
export const CANDIDATES: Readonly<Record<'none' | 'systemd', Readonly<Record<State, readonly Candidate[]>>>> =
  {
    none: {
      healthy: [
        ...reads(
          STATUS,
          'openclaw status --deep',
          DOCTOR,
          LOGS,
          'openclaw cron list',
          'openclaw config validate',
        ),
        ...reads('openclaw gateway probe', 'openclaw channels status', 'openclaw devices list'),
        ...ways([RESTART], ['openclaw gateway restart --safe'], [DOCTOR_FIX]),
      ],
      dead: [
        ...reads(STATUS, LOGS, DOCTOR),
        ...ways([RUN], [RESTART], [DOCTOR_FIX, RUN], ['openclaw gateway start'], [INSTALL]),
      ],
      hung: [
        ...reads(STATUS, LOGS),
        ...ways(['kill -CONT PID'], [KILL, RUN], ['openclaw gateway run --force'], [RESTART]),
        ...ways(['openclaw gateway stop', RUN], ['openclaw gateway restart --force']),
      ],
      mismatch: [
        SHOW,
        ...reads(STATUS, 'openclaw devices list', DOCTOR),
        ...ways(['kill -INT PID', RUN], [RESTART], ['openclaw gateway restart --safe']),
        ...ways(['openclaw gateway stop', RUN], [DOCTOR_FIX]),
      ],
      drift: [...ways([RESTART], [DOCTOR_FIX], ["sed -i '/^OPENCLAW_GATEWAY_TOKEN=/d' ~/.openclaw/.env"])],
      'crash-loop': [...reads('openclaw config validate', LOGS, DOCTOR), ...ways([RUN], [DOCTOR_FIX, RUN])],
      second: [],
    },
    systemd: {
      healthy: [...reads(STATUS), ...ways([SYSTEMD_RESTART], [RESTART], ['openclaw gateway restart --safe'])],
      dead: [
        ...reads(STATUS, LOGS),
        ...ways([SYSTEMD_RESTART], [RESTART], ['openclaw gateway start'], [INSTALL]),
      ],
      hung: [
        ...reads(STATUS),
        ...ways(['systemctl --user kill --signal=SIGCONT openclaw-gateway.service']),
        ...ways(['systemctl --user kill --signal=SIGKILL openclaw-gateway.service']),
        ...ways([SYSTEMD_RESTART], [RESTART]),
      ],
      mismatch: [
        SHOW,
        ...ways([INSTALL], [INSTALL, SYSTEMD_RESTART], [SYSTEMD_RESTART], [RESTART], [DOCTOR_FIX]),
      ],
      drift: ways([INSTALL], [DOCTOR_FIX]),
      'crash-loop': [
        ...reads('openclaw config validate'),
        ...ways([SYSTEMD_RESTART], [DOCTOR_FIX, SYSTEMD_RESTART], [DOCTOR_FIX]),
      ],
      second: [],
    },
  };
