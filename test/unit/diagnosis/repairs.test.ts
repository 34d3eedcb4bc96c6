import { describe, expect, it } from 'vitest';
import { tokenEvidence } from '../../../src/collectors/token/evidence.ts';
import type { Evidence } from '../../../src/core/collector.ts';
import type { Machine } from '../../../src/diagnosis/machine.ts';
import { repairSteps } from '../../../src/diagnosis/repair.ts';
import type { RepairStep } from '../../../src/diagnosis/steps.ts';
import type { Fault } from '../../../src/lib/faults.ts';
import { Secret } from '../../../src/lib/secret.ts';
import type { ServiceState } from '../../../src/openclaw/service/manager.ts';
import { readResults } from '../../repairs/results.ts';
import { MACHINE } from '../../support/machine.ts';

const SERVICE: ServiceState = {
  manager: 'systemd',
  name: 'openclaw-gateway.service',
  scope: 'user',
  active: true,
  activity: 'active (running)',
  enabled: true,
  restarts: 0,
  mainPid: MACHINE.pid,
};

/** The faults that stand for a state of the campaign, and what else the machine knows of it. */
const STATES: Readonly<
  Record<string, { readonly faults: readonly Fault[]; readonly alive: boolean; readonly repair?: string }>
> = {
  dead: { faults: ['gateway-down', 'service-down'], alive: false },
  hung: { faults: ['process-stopped', 'gateway-hung'], alive: true },
  mismatch: { faults: ['token-mismatch'], alive: true },
  'crash-loop': { faults: ['crash-loop'], alive: false },
  'second-gateway': { faults: ['duplicate'], alive: true, repair: 'kill 4711' },
  drift: { faults: ['token-drift'], alive: true },
  healthy: { faults: ['partial-failure'], alive: true },
};

/** It waits for a person's answer. */
const INTERACTIVE = 'openclaw gateway auth-token --show';

const results = readResults();
const measured = [...new Set(results.map(({ version, manager }) => `${version} ${manager}`))].map((one) => {
  const [version = '', manager = ''] = one.split(' ');
  return { version, manager };
});

function print(state: string, { version, manager }: (typeof measured)[number]): readonly RepairStep[] {
  const { faults: named = [], alive, repair: known } = STATES[state] ?? {};
  const repair = state === 'drift' ? printDrift(manager) : known;
  const service = manager === 'systemd' ? SERVICE : undefined;
  // With a service the second one is outside it, and holds its port.
  const isOutside = state === 'second-gateway' && service !== undefined;
  const faults: readonly Fault[] = isOutside ? ['port-held'] : named;
  const machine: Machine = { ...MACHINE, version, service, alive };
  return faults.flatMap((fault) => {
    const evidence: Evidence = {
      layer: 'process',
      subject: 's',
      verdict: 'bad',
      text: 't',
      fault,
      pid: 4711,
      ...(repair === undefined ? {} : { repair }),
    };
    return repairSteps({ cause: 'process', evidence }, machine);
  });
}

/** What is printed for the place that holds another token in the campaign. */
function printDrift(manager: string): string {
  const place = manager === 'systemd' ? 'service' : 'dotenv';
  const address = { url: 'ws://127.0.0.1:1', host: '127.0.0.1', port: 1, tls: false, local: true };
  const install = { address, authMode: 'token', credential: undefined, problems: [] } as const;
  const credential = { place: 'config', secret: new Secret('hunter2') } as const;
  const verdict = { match: true, credential, atMs: 0 };
  const places = { variants: 2, differing: [place] } as const;
  return tokenEvidence({ install, verdict, places, note: undefined }, 's')[1]?.repair ?? '';
}

/** As the campaign has it: the process by a word, the key that ends a program in a terminal as its signal. */
function toMeasured({ text }: RepairStep): string {
  if (text.includes('(Ctrl+C)') || text.includes('end that program')) return 'kill -INT PID';
  if (text.startsWith('remove OPENCLAW_GATEWAY_TOKEN from .env'))
    return "sed -i '/^OPENCLAW_GATEWAY_TOKEN=/d' ~/.openclaw/.env";
  return text.replace(/\b4711\b/, 'PID');
}

const cases = measured.flatMap((one) => Object.keys(STATES).map((state) => ({ ...one, state })));

describe('the repair steps', () => {
  it('start no second gateway beside that of another user before a person has decided which is meant', () => {
    const evidence: Evidence = {
      layer: 'answers',
      subject: 's',
      verdict: 'bad',
      text: 't',
      fault: 'gateway-down',
    };
    const machine: Machine = { ...MACHINE, alive: false, pid: undefined, stranger: { pid: 7, uid: 1001 } };
    const [decision, run] = repairSteps({ cause: 'process', evidence }, machine);
    expect(decision).toMatchObject({ isCommand: false, text: expect.stringContaining('process 7') });
    expect(run?.text).toBe('openclaw gateway run');
  });

  it.each([
    [{ isMasked: true }, 'systemctl --user unmask openclaw-gateway.service'],
    [{ result: 'start-limit-hit' }, 'systemctl --user reset-failed openclaw-gateway.service'],
    [
      { activity: 'deactivating (stop-sigterm)' },
      'systemctl --user kill --signal=SIGKILL openclaw-gateway.service',
    ],
  ] as const)('free a service with %j before they start it', (known, command) => {
    const evidence: Evidence = {
      layer: 'process',
      subject: 's',
      verdict: 'bad',
      text: 't',
      fault: 'service-down',
    };
    const machine: Machine = { ...MACHINE, service: { ...SERVICE, active: false, ...known }, alive: false };
    const [first, second] = repairSteps({ cause: 'process', evidence }, machine);
    expect([first?.text, second?.text]).toEqual([
      command,
      'systemctl --user restart openclaw-gateway.service',
    ]);
  });

  it.each(cases)(
    'for $state in $version ($manager) name no command that was measured to be useless',
    (one) => {
      const own = results.filter(
        ({ version, manager, state }) =>
          version === one.version && manager === one.manager && state === one.state,
      );
      const useless = own
        .filter(({ gone, steps }) => !gone && steps.length === 1)
        .flatMap(({ steps }) => steps)
        .filter(({ command, exit }) => exit === 'no end' || /restart|run|install|--fix|kill/.test(command))
        .map(({ command }) => command);
      const printed = print(one.state, one)
        .filter(({ isCommand }) => isCommand)
        .map(toMeasured);
      // Alone it may be useless, and yet the end of a way that begins with another step.
      const all = print(one.state, one).map(toMeasured);
      const helpful = own
        .filter(({ gone, steps }) => gone && steps.length > 1)
        .filter(({ steps }) => steps.every(({ command }) => all.includes(command)))
        .flatMap(({ steps }) => steps.map(({ command }) => command));
      const isUseless = (command: string) =>
        useless.includes(command) && !helpful.includes(command) && command !== INTERACTIVE;
      expect(printed.filter(isUseless)).toEqual([]);
    },
  );

  // A healthy gateway also stays healthy where a command does nothing.
  it.each(cases.filter(({ state }) => state !== 'healthy'))(
    'for $state in $version ($manager) hold a way that was measured to end well',
    (one) => {
      const own = results.filter(
        ({ version, manager, state }) =>
          version === one.version && manager === one.manager && state === one.state,
      );
      if (!own.some(({ gone, steps }) => gone && steps.every(({ exit }) => exit === 0 || exit === 'runs')))
        return;
      const printed = print(one.state, one).map(toMeasured);
      const ways = own.filter(
        ({ gone, steps }) => gone && steps.every(({ command }) => printed.includes(command)),
      );
      expect(ways.map(({ steps }) => steps.map(({ command }) => command))).not.toEqual([]);
    },
  );
});
