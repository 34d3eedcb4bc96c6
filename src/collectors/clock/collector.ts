import type { CollectorRunner, Evidence, Observation, Target } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { type Deadlines, deadlines } from '../../gateway/deadlines.ts';
import { callGateway } from '../../gateway/http.ts';
import { type ClockOffset, clockOffset } from '../../lib/clock-offset.ts';
import { readRegularSync } from '../../lib/regular-file.ts';
import { gauge, type Sample } from '../../metrics/family.ts';
import type { GatewayAddress } from '../../openclaw/address.ts';
import { askSyncStates, type SyncState } from '../../os/clock-sync.ts';

const host = ['host'] as const;

const offsetFamily = gauge(
  'openclaw_clock_offset_seconds',
  'Clock of another machine minus the local clock: of an SSH host by the time a command printed there, of a remote gateway by the Date header of its answers. Tokens and certificates fail when clocks differ by minutes.',
  {
    labels: host,
    meaning: {
      absent:
        'the host is not up, or its command prints no time; the gateway is on this machine or does not answer',
      zero: 'the clocks agree',
    },
  },
);
const uncertaintyFamily = gauge(
  'openclaw_clock_offset_uncertainty_seconds',
  'Uncertainty of the offset in either direction: half the round trip plus half the resolution of the remote clock (1 s for a Date header and for date on older macOS).',
  { labels: host, meaning: { absent: 'there is no offset' } },
);
const synchronizedFamily = gauge(
  'openclaw_clock_synchronized',
  "Whether the local clock is synchronized with another one, as reported by the system's time service.",
  {
    labels: ['source'],
    meaning: {
      absent: 'the program is not installed, or cannot tell (in a container, for example)',
      zero: 'it is not, or only with itself (chronyd with nothing but a local reference): offsets of other hosts may be its own',
      one: 'it is',
    },
  },
);

const MAX_NTP_CONF_BYTES = 64 * 1024;
/** This machine's own state changes seldom. */
const SYNC_INTERVAL_MS = 300_000;
/**
 * Clocks that are further apart, beyond the uncertainty, are worth a word; the same as the alert's default.
 */
const SKEW_SECONDS = 30;

const SYNC_REPAIRS: Readonly<Record<SyncState['source'], string>> = {
  timedatectl: 'sudo timedatectl set-ntp true',
  chronyc: 'chronyc -n sources: one of them must be reachable; servers stand in /etc/chrony/chrony.conf',
  sntp: 'sudo sntp -sS time.apple.com',
};

/**
 * Do the clocks agree? SSH hosts are never asked for it: their offsets come with the
 * commands that run there anyway.
 */
export const clockCollector = defineCollector({
  name: 'clock',
  layer: 'network',
  defaults: { intervalMs: 30_000, timeoutMs: 10_000 },
  after: ['ssh'],
  publishes: [],
  metrics: [offsetFamily, uncertaintyFamily, synchronizedFamily],
  create: (context, { timeoutMs }) => createTargets(context, timeoutMs),
});

function createTargets(context: CollectorContext, timeoutMs: number): CollectorRunner {
  const limits = deadlines(timeoutMs);
  const own = new OwnClock(context);
  const target = (name: string, collect: Target['collect']): Target => ({
    name,
    timeoutMs: limits.targetMs,
    collect,
  });
  const hosts = context.config.ssh.hosts.map(({ name }) =>
    target(`ssh ${name}`, async () => ofHost(name, context)),
  );
  const named = new Set(context.config.ssh.hosts.map(({ name }) => name));
  return {
    targets() {
      const { address } = context.install();
      // One series a host: SSH tells the time more exactly, and is there while the gateway is down.
      const gateway =
        address.local || named.has(address.host)
          ? []
          : [target('gateway', (signal) => ofGateway(address, limits, signal, context))];
      return [target('own', (signal) => own.look(signal)), ...gateway, ...hosts];
    },
  };
}

function ofHost(name: string, { facts }: CollectorContext): Observation {
  const command = facts('sshCommands')?.get(name);
  const why = command === undefined ? 'no command has run there' : 'the command there prints no time';
  return observation(name, command?.clock, why);
}

async function ofGateway(
  address: GatewayAddress,
  { connectMs, answerMs }: Deadlines,
  signal: AbortSignal,
  { clock }: CollectorContext,
): Promise<Observation> {
  const startedAtMs = clock.now();
  const startedAt = clock.monotonic();
  const outcome = await callGateway({ address, clock, connectMs, answerMs, signal, path: '/healthz' });
  if (outcome.state === 'blind') return { kind: 'blind', reason: outcome.reason, evidence: [] };
  if (outcome.state !== 'answered')
    return observation(address.host, undefined, 'the gateway does not answer');
  const remote = outcome.dateMs === undefined ? undefined : { seconds: outcome.dateMs / 1000, resolution: 1 };
  const exchange = { startedAtMs, endedAtMs: clock.now(), tookMs: clock.monotonic() - startedAt };
  return observation(address.host, clockOffset(remote, exchange), 'its answer has no date');
}

function observation(name: string, reading: ClockOffset | undefined, why: string): Observation {
  const base = { layer: 'network', subject: `clock ${name}` } as const;
  if (reading === undefined) {
    return { kind: 'seen', samples: [], evidence: [{ ...base, verdict: 'unknown', text: why }] };
  }
  const samples = [
    offsetFamily.sample(reading.offset, { host: name }),
    uncertaintyFamily.sample(reading.uncertainty, { host: name }),
  ];
  return { kind: 'seen', samples, evidence: [{ ...base, ...wordsOf(reading) }] };
}

function wordsOf({ offset, uncertainty }: ClockOffset): Pick<Evidence, 'verdict' | 'text' | 'repair'> {
  const size = `${Math.abs(offset).toFixed(1)} s ${offset < 0 ? 'behind' : 'ahead'}, give or take ${uncertainty.toFixed(1)} s`;
  if (Math.abs(offset) - uncertainty <= SKEW_SECONDS) return { verdict: 'ok', text: `its clock is ${size}` };
  return {
    verdict: 'warning',
    text: `its clock is ${size}`,
    repair: 'on the host: sudo chronyc makestep (macOS: sudo sntp -sS time.apple.com)',
  };
}

/** Whether this machine's own clock is synchronized; asked seldom, remembered in between. */
class OwnClock {
  readonly #context: CollectorContext;
  readonly #env: Readonly<Record<string, string>>;
  #states: readonly SyncState[] = [];
  #nextAt = 0;

  constructor(context: CollectorContext) {
    this.#context = context;
    this.#env = { LC_ALL: 'C', PATH: context.env.PATH || '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' };
  }

  async look(signal: AbortSignal): Promise<Observation> {
    const { clock, run, platform } = this.#context;
    if (clock.monotonic() >= this.#nextAt) {
      const states = await askSyncStates({ run, env: this.#env, platform, ntpConf: readNtpConf, signal });
      signal.throwIfAborted();
      this.#states = states;
      this.#nextAt = clock.monotonic() + SYNC_INTERVAL_MS;
    }
    return {
      kind: 'seen',
      samples: this.#states.map(sampleOfSync),
      evidence: this.#states.map(evidenceOfSync),
    };
  }
}

function sampleOfSync({ source, synchronized }: SyncState): Sample {
  return synchronizedFamily.sample(synchronized ? 1 : 0, { source });
}

function evidenceOfSync({ source, synchronized }: SyncState): Evidence {
  const base = { layer: 'network', subject: 'own clock' } as const;
  return synchronized
    ? { ...base, verdict: 'ok', text: `it is synchronized (${source})` }
    : {
        ...base,
        verdict: 'warning',
        text: `it is not synchronized with any other clock (${source})`,
        repair: SYNC_REPAIRS[source],
      };
}

function readNtpConf(): string | undefined {
  try {
    return readRegularSync('/etc/ntp.conf', MAX_NTP_CONF_BYTES);
  } catch {
    return undefined;
  }
}
