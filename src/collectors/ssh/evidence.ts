import type { Evidence } from '../../core/collector.ts';
import { PASSING_RESULTS, type SshProblem } from '../../ssh/ssh.ts';
import type { SshHost, SshLook } from './host.ts';

/** A look in words, with the next step. */
export function sshEvidence(one: SshHost, look: SshLook): Evidence {
  const { config } = one;
  const base = { layer: 'network', subject: `ssh ${config.name}` } as const;
  const { problem } = look;
  if (problem === undefined) return { ...base, ...wordsOfSuccess(look) };
  if (!config.always_on && PASSING_RESULTS.has(problem.result)) {
    return {
      ...base,
      verdict: 'unknown',
      text: `${problem.text}; it is not expected to be on at all times, so it may be asleep`,
    };
  }
  const verdict = problem.result === 'auth_denied' ? 'warning' : 'bad';
  return { ...base, verdict, text: problem.text, repair: repairOf(one, problem) };
}

function wordsOfSuccess({ up: isUp, path, command }: SshLook): Pick<Evidence, 'verdict' | 'text'> {
  const port = path === undefined ? '' : 'its port answers, ';
  if (isUp) return { verdict: 'ok', text: `${port}a command ran there` };
  if (isUp === false) return { verdict: 'warning', text: `${port}no command has run since it was away` };
  if (command?.probe.state !== 'no_ssh') return { verdict: 'unknown', text: `${port}no login was tried yet` };
  return path === undefined
    ? { verdict: 'unknown', text: 'there is no ssh here to find the way with' }
    : { verdict: 'ok', text: `${port}there is no ssh here to try a login with` };
}

function repairOf({ config: { target, port } }: SshHost, { result }: SshProblem): string {
  const where = port === undefined ? target : `-p ${port} ${target}`;
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
