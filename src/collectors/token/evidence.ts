import type { PlacesReading } from '../../auth/places.ts';
import type { Evidence } from '../../core/collector.ts';
import type { AuthMode, CredentialPlace, HeldPlaceholder } from '../../openclaw/credentials.ts';
import type { KnownGateway } from '../../openclaw/install.ts';
import type { PlaceholderKind } from '../../openclaw/placeholders.ts';
import type { CredentialVerdict } from './proof.ts';

const PLACE_WORDS: Readonly<Record<CredentialPlace, string>> = {
  config: 'openclaw.json',
  env: "the exporter's environment",
  dotenv: '.env in the state folder',
  service: 'the service file',
  process: "the running gateway's environment",
  remote: 'a remote host',
  other: "the exporter's token_file",
};

/** `limited`: too many attempts failed; `protocol`: the gateway speaks one that is not known here. */
export type TokenObstacle = 'limited' | 'protocol';

/** What a person does about an obstacle. */
const OBSTACLES = {
  limited: { repair: 'wait 5 minutes, then check again', fault: 'lock-out' },
  protocol: {
    repair: 'update openclaw-gateway-exporter to a version that supports this gateway',
    fault: 'protocol',
  },
} as const satisfies Readonly<Record<TokenObstacle, Pick<Evidence, 'repair' | 'fault'>>>;

/** What the words on the credential are made of. */
export interface TokenSeen {
  readonly install: KnownGateway;
  readonly verdict: CredentialVerdict | undefined;
  readonly places: Pick<PlacesReading, 'variants' | 'differing'>;
  /** Why there is no fresh verdict, where there is none. */
  readonly note: string | undefined;
  /** Why none can be had for now, where that is known. */
  readonly obstacle?: TokenObstacle | undefined;
}

type Words = Pick<Evidence, 'verdict' | 'text' | 'repair' | 'fault' | 'unconfigured' | 'note'>;

/** Named again where a step has to be said as the machine at hand needs it. */
export const SHOW_TOKEN = 'openclaw gateway auth-token --show';
/** What follows once the token can be seen. */
export const THEN_EQUAL = 'decide which copy is right, make the others equal, then restart the gateway once';
/**
 * The first step where copies differ and none is proved: a restart alone may make a
 * wrong copy the one that counts.
 */
export const MAKE_EQUAL =
  'decide which copy of the token is right, make the others equal, then restart the gateway';

/** What is known of the credential, in words, with the next step; never a value. */
export function tokenEvidence(seen: TokenSeen, subject: string): Evidence[] {
  const all = [
    verdictWords(seen),
    ...driftWords(seen),
    ...placeholderWords(seen),
    ...seen.install.problems.map(problemWords),
  ];
  return all.map((words) => ({ layer: 'token', subject, ...words }));
}

/**
 * A file that the exporter's own configuration names must be readable, and an openclaw.json that is none keeps the
 * gateway from its next start; other problems may be none.
 */
function problemWords(text: string): Words {
  if (/^openclaw\.json (?:is not JSON5|holds no object)/.test(text)) {
    const effect = 'the gateway does not start again with it';
    return {
      verdict: 'warning',
      text: `${text}: ${effect}`,
      repair: 'openclaw config validate',
      fault: 'config-unreadable',
    };
  }
  if (!/^(?:gateway\.)?token_file /.test(text)) return { verdict: 'unknown', text };
  const repair = "correct the path, or let the exporter's user read the file (chown, chmod 600)";
  return { verdict: 'warning', text, repair, fault: 'token-unreadable' };
}

const PLACEHOLDER_WORDS: Readonly<Record<PlaceholderKind, string>> = {
  unset: 'the word undefined or null, which programs write for a variable that is not set',
  example: 'a published example',
  redacted: 'a redacted value, as displays show it',
};
const REPLACE_PLACEHOLDER =
  'replace the placeholder by a real token, such as the output of openssl rand -hex 32, then restart the gateway';

/** A placeholder is a warning, except where the gateway has accepted a real credential and would never use it. */
function placeholderWords({ install, verdict }: TokenSeen): Words[] {
  const accepted = verdict?.match === true ? verdict.credential.place : undefined;
  return (install.placeholders ?? []).map((found) => {
    const text = `${PLACE_WORDS[found.place]} holds a placeholder instead of a credential: ${PLACEHOLDER_WORDS[found.kind]}`;
    if (isUnused(found, accepted)) return { verdict: 'ok', note: true, text };
    const effect =
      accepted === found.place
        ? '; the gateway accepts it, and anyone can guess it'
        : found.isRefused
          ? '; the gateway does not start with it'
          : '';
    return {
      verdict: 'warning',
      text: `${text}${effect}`,
      repair: REPLACE_PLACEHOLDER,
      fault: 'token-placeholder',
    };
  });
}

/** The gateway reads openclaw.json first, so that what stands there counts at its next start. */
function isUnused({ place, isRefused }: HeldPlaceholder, accepted: CredentialPlace | undefined): boolean {
  return isRefused && accepted !== undefined && place !== 'config' && place !== 'service';
}

/** Modes in which having no credential is as it should be. */
const OPEN_MODES: Readonly<Partial<Record<AuthMode, string>>> = {
  none: 'the gateway compares no token (auth mode none)',
  'trusted-proxy':
    'the proxy authenticates clients (auth mode trusted-proxy), and no password is configured that clients on this machine could show',
};

function verdictWords({ install, verdict, note, obstacle }: TokenSeen): Words {
  const since = note === undefined ? '' : ` (not asked again: ${note})`;
  if (verdict !== undefined) {
    const from = PLACE_WORDS[verdict.credential.place];
    return verdict.match
      ? { verdict: 'ok', text: `the gateway accepts the credential of ${from}${since}` }
      : {
          verdict: 'bad',
          text: `the gateway refuses the credential of ${from}${since}`,
          repair: MAKE_EQUAL,
          fault: 'token-mismatch',
        };
  }
  const open = install.credential === undefined ? OPEN_MODES[install.authMode] : undefined;
  if (open !== undefined) return { verdict: 'unknown', text: open, unconfigured: true };
  if (note !== undefined) {
    const text = `no verdict on the credential: ${note}`;
    return obstacle === undefined
      ? { verdict: 'unknown', text }
      : { verdict: 'warning', text, ...OBSTACLES[obstacle] };
  }
  const refused = (install.placeholders ?? []).find(({ isRefused }) => isRefused);
  if (refused !== undefined && install.credential === undefined)
    return { verdict: 'unknown', text: 'only a placeholder is configured, so no credential is proved' };
  const hasProblem = install.problems.some((text) => problemWords(text).verdict === 'warning');
  if (hasProblem) return { verdict: 'unknown', text: 'no credential could be read, so none is proved' };
  const text = 'no credential is configured, so none can be proved';
  return { verdict: 'unknown', text, unconfigured: true };
}

/** What brings a place back in line with the credential that the gateway accepts. */
const PLACE_REPAIRS: Readonly<Record<CredentialPlace, string>> = {
  config: MAKE_EQUAL,
  env: "set OPENCLAW_GATEWAY_TOKEN right in the exporter's environment, then restart the exporter",
  dotenv: 'remove OPENCLAW_GATEWAY_TOKEN from .env, or set it to the same value, then restart the gateway',
  service: 'openclaw gateway install --force',
  process: 'correct it where the process got it (service file, .env, shell), then restart the gateway',
  // With an editor: a value on a command line lands in the shell's history.
  remote: 'write it into gateway.remote.token of openclaw.json there, with an editor',
  other: "write the gateway's token into the exporter's token_file",
};

function driftWords({ verdict, places }: TokenSeen): Words[] {
  if (places.variants < 2) return [];
  const stored = `${places.variants} different credentials are stored`;
  if (places.differing.length === 0) {
    return [{ verdict: 'warning', text: stored, repair: MAKE_EQUAL, fault: 'token-drift' }];
  }
  // Only an accepted one is known to be right: a refused one may be the wrong copy itself.
  const isAccepted = verdict?.match === true;
  const held = isAccepted
    ? 'does not hold the accepted one'
    : `holds another than the ${verdict === undefined ? 'one to be proved' : 'refused one'}`;
  return places.differing.map((place) => ({
    verdict: 'warning',
    text: `${stored}; this place ${held}: ${PLACE_WORDS[place]}`,
    repair: isAccepted ? PLACE_REPAIRS[place] : MAKE_EQUAL,
    fault: 'token-drift',
  }));
}
