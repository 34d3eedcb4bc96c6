import type { Evidence } from '../../core/collector.ts';
import type { Fault } from '../../lib/faults.ts';
import { PASSING_RESULTS, type SshProblem, type SshResult } from '../../ssh/ssh.ts';
import type { SshHost, SshLook } from './host.ts';

/** Results that need somebody's attention, and are no outage of the host. */
const WARNINGS: ReadonlySet<SshResult> = new Set([
  'auth_denied',
  'check_pending',
  'throttled',
  'program_missing',
  'program_forbidden',
]);

/** Faults that are not simply a host that cannot be reached. */
const FAULTS: Partial<Record<SshResult, Fault>> = {
  host_key_changed: 'security',
  auth_denied: 'ssh-auth',
  check_pending: 'ssh-check',
  throttled: 'ssh-throttled',
};

/** The verdict on a host and the next step. */
export function sshEvidence(one: SshHost, look: SshLook): Evidence {
  const { config } = one;
  const base = { layer: 'network', subject: `ssh ${config.name}` } as const;
  const { problem } = look;
  if (problem === undefined) return { ...base, ...describeSuccess(look) };
  if (!config.always_on && PASSING_RESULTS.has(problem.result)) {
    return {
      ...base,
      verdict: 'unknown',
      text: `${problem.text}; it is not expected to be on at all times, so it may be asleep`,
    };
  }
  const verdict = WARNINGS.has(problem.result) ? 'warning' : 'bad';
  const fault = FAULTS[problem.result] ?? (verdict === 'bad' ? 'ssh-down' : undefined);
  const found = { ...base, verdict, text: problem.text, repair: chooseRepair(one, problem) } as const;
  return fault === undefined ? found : { ...found, fault };
}

function describeSuccess({ up: isUp, path }: SshLook): Pick<Evidence, 'verdict' | 'text'> {
  const port = path === undefined ? '' : 'its port answers, ';
  if (isUp) return { verdict: 'ok', text: `${port}a command ran there` };
  return isUp === false
    ? { verdict: 'warning', text: `${port}no command has run since it was away` }
    : { verdict: 'unknown', text: `${port}no login was tried yet` };
}

function chooseRepair({ config: { target, port } }: SshHost, { result, repair }: SshProblem): string {
  const where = port === undefined ? target : `-p ${port} ${target}`;
  if (repair !== undefined) return repair.replaceAll('TARGET', where);
  switch (result) {
    case 'host_key_changed':
      return `ask the host's owner whether its key was renewed; only then: ssh-keygen -R (as ssh ${where} prints it)`;
    case 'auth_denied':
      return `ssh-copy-id ${where}`;
    case 'resolve_failed':
      return `ssh -G ${where}`;
    case 'refused':
    case 'no_banner':
      return 'on the host: sudo systemctl restart ssh (Fedora, Arch: sshd; macOS: sudo launchctl kickstart -k system/com.openssh.sshd)';
    default:
      return `ssh -v ${where} true`;
  }
}
