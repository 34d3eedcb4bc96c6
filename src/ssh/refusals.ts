import { NEXT_LOGIN, type Sign } from './messages.ts';
import type { SshProblem } from './ssh.ts';

/** Why a command did not run although the login worked. */
const REFUSAL_SIGNS: readonly Sign[] = [
  [
    /password (?:has|is) expired|password change required|required to change your password/i,
    {
      result: 'other',
      text: "logged in, but the account's password has expired, and no command runs before it is changed",
      repair: `${NEXT_LOGIN}, and set a new password`,
    },
  ],
  [
    /This account is (?:currently )?not available/,
    {
      result: 'other',
      text: 'logged in, but the account has no shell (nologin)',
      repair: 'on the host: sudo chsh -s /bin/sh USER, or name another user',
    },
  ],
  [
    /Unprivileged users are not permitted to log in/,
    { result: 'other', text: 'the host permits no logins now: it is starting or shutting down (nologin)' },
  ],
  [
    /allows sftp connections only/,
    {
      result: 'other',
      text: 'logged in, but the account is for sftp alone',
      repair: 'name another user, or on the host let this one run commands (ForceCommand)',
    },
  ],
  [
    /Please log ?in as the user /,
    {
      result: 'other',
      text: 'logged in, but the host wants another user than this one',
      repair: `${NEXT_LOGIN}, which names the user to log in as`,
    },
  ],
  [
    /\bfork: |Cannot fork|Resource temporarily unavailable|Cannot allocate memory/,
    {
      result: 'other',
      text: 'logged in, but the host can start no process: its limits of processes or memory',
      repair: 'on the host: free memory and processes',
    },
  ],
  [
    /^\/\S+: No such file or directory/m,
    {
      result: 'other',
      text: "logged in, but the account's shell does not exist",
      repair: 'on the host: sudo chsh -s /bin/sh USER',
    },
  ],
];

/** Why the remote command ended with a status other than 0, by what it and the host printed. */
export function explainRefusal(code: number, output: string): SshProblem {
  const known = REFUSAL_SIGNS.find(([sign]) => sign.test(output))?.[1];
  if (known !== undefined) return known;
  const text = `logged in, but the command ended with status ${code}: the account's shell or a forced command refuses it`;
  return { result: 'other', text };
}
