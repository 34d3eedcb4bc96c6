import { type Evidence, NOTHING_SEEN, type Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { followLinks } from '../../lib/paths.ts';
import { BOOT_REASONS, type BootReason } from '../../lib/vocabulary.ts';
import { counter, gauge } from '../../metrics/family.ts';
import { isGatewayHere } from '../../openclaw/install.ts';
import { BootLedger, type BootTotals } from './ledger.ts';
import { findReason, isSafeMode } from './reasons.ts';
import { type Boot, BootReader, type BootsReading } from './source/boots.ts';
import { isRestartPending, RestartIntentReader, type RestartIntentReading } from './source/restart-intent.ts';

const SUBJECT = 'boots';
const NOT_TOLD =
  'gateways before 2026.7 keep no record of boots, the record cannot be read, or the gateway is on another machine';

const boots = counter(
  'openclaw_gateway_boots_total',
  'Boots of the gateway by how the boot before ended, from its own record; in-process restarts count. unclean: killed, crashed, or the machine went down.',
  {
    labels: ['reason'],
    meaning: {
      absent: `${NOT_TOLD}; or the exporter cannot save its state under the storage path`,
      zero: 'no boot for this reason since the exporter first saw this gateway',
    },
  },
);
const safeMode = gauge(
  'openclaw_gateway_safe_mode',
  'Whether the crash-loop breaker of the gateway keeps its channels stopped after three unclean boots in five minutes; it is ready all the same.',
  {
    meaning: {
      absent: NOT_TOLD,
      zero: 'not in safe mode',
      one: 'it runs without channels until it has been stable for five minutes or a channel is started by hand',
    },
  },
);

const restartPending = gauge(
  'openclaw_gateway_restart_pending',
  'Whether a restart of the gateway was requested within the last minute and has not been taken up, as the gateway records it.',
  {
    meaning: {
      absent:
        'gateways before 2026.6 keep no record of requests, the record cannot be read, or the gateway is on another machine',
      zero: 'none was requested, or the gateway has taken it up',
      one: 'the next boot is a planned one',
    },
  },
);

/** Why did the gateway boot, and does it run in safe mode? */
export const bootsCollector = defineCollector({
  name: 'boots',
  layer: 'process',
  defaults: { intervalMs: 30_000, timeoutMs: 10_000 },
  after: [],
  publishes: [],
  metrics: [boots, safeMode, restartPending],
  create(context, { timeoutMs }) {
    const watch = new BootWatch(context);
    return {
      targets: () => [{ name: 'boots', timeoutMs: timeoutMs * 0.9, collect: () => watch.collect() }],
    };
  },
});

class BootWatch {
  readonly #context: CollectorContext;
  readonly #reader: BootReader;
  readonly #ledger: BootLedger;
  readonly #intents: RestartIntentReader;

  constructor(context: CollectorContext) {
    this.#context = context;
    this.#reader = new BootReader(() => context.clock.now());
    this.#intents = new RestartIntentReader(() => context.clock.now());
    this.#ledger = new BootLedger(context.state);
  }

  async collect(): Promise<Observation> {
    const install = this.#context.install();
    if (!isGatewayHere(install)) return NOTHING_SEEN;
    const { stateDir } = install;
    const intent = observeIntent(this.#intents.read(stateDir), this.#context.clock.now());
    const observed = await this.#collectBoots(stateDir);
    const samples = [...observed.samples, ...intent.samples];
    return { kind: 'seen', samples, evidence: [...observed.evidence, ...intent.evidence] };
  }

  async #collectBoots(stateDir: string): Promise<Seen> {
    const reading = this.#reader.read(stateDir);
    if (reading.state !== 'read') return observeBoots(reading, undefined);
    const gateway = await followLinks(stateDir);
    return observeBoots(reading, await this.#ledger.enter(gateway, reading.value));
  }
}

type Seen = Extract<Observation, { kind: 'seen' }>;

/** Samples and evidence of a request for a restart. A damaged database is reported by the cron source that is in it. */
export function observeIntent(reading: RestartIntentReading, nowMs: number): Seen {
  if (reading.state !== 'read') return NOTHING_SEEN;
  const isPending = isRestartPending(reading.value, nowMs);
  const text = 'a restart was requested within the last minute: the next boot is a planned one';
  return {
    kind: 'seen',
    samples: [restartPending.sample(isPending ? 1 : 0, {})],
    evidence: isPending ? [{ ...words('ok', text), note: true, incidental: true }] : [],
  };
}

/** Samples and evidence of the record and of what was counted of it. */
export function observeBoots(reading: BootsReading, totals: BootTotals | undefined): Seen {
  switch (reading.state) {
    case 'absent':
      return NOTHING_SEEN;
    case 'unreadable': {
      // A damaged database is reported by the cron source that is in it.
      const text = `the gateway's record of its boots cannot be read: ${reading.reason}`;
      return { kind: 'seen', samples: [], evidence: [words('unknown', text)] };
    }
    case 'read': {
      const known = totals?.state === 'known' ? totals.totals : undefined;
      const counted = BOOT_REASONS.flatMap((reason) =>
        known === undefined ? [] : [boots.sample(known[reason], { reason })],
      );
      const isSafe = isSafeMode(reading.value);
      return {
        kind: 'seen',
        samples: [...counted, safeMode.sample(isSafe ? 1 : 0, {})],
        evidence: evidenceFor(reading.value, isSafe),
      };
    }
  }
}

const ENDS: Readonly<Record<BootReason, string>> = {
  first: 'there is no boot before it on record',
  clean_stop: 'it had been stopped',
  planned_restart: 'a planned restart',
  config_restart: 'a change of its configuration restarted it',
  unclean: 'the boot before it did not end cleanly: it was killed or crashed, or the machine went down',
  forced_stop: 'its stop took too long and was forced',
  startup_failed: 'the start before it failed',
  crash_loop_breaker: 'three boots before it did not end cleanly',
  other: 'how the boot before it ended is not known',
};
const REMARKABLE: readonly BootReason[] = ['unclean', 'forced_stop', 'startup_failed', 'crash_loop_breaker'];

function evidenceFor(all: readonly Boot[], isSafe: boolean): Evidence[] {
  const [newest, before] = [all.at(-1), all.at(-2)];
  if (newest === undefined) return [];
  if (isSafe) {
    const text =
      'the gateway runs in safe mode: after three unclean boots in five minutes its channels are not started';
    return [{ ...words('warning', text), fault: 'safe-mode', repair: 'openclaw logs --limit 100 --plain' }];
  }
  const reason = findReason(newest, before, true);
  const text = `booted at ${new Date(newest.startedMs).toISOString().slice(0, 19)}Z: ${ENDS[reason]}`;
  // A record of the past: it does not make the process layer ok.
  return [{ ...words('ok', text), incidental: true, ...(REMARKABLE.includes(reason) ? { note: true } : {}) }];
}

function words(verdict: Evidence['verdict'], text: string): Evidence {
  return { layer: 'process', subject: SUBJECT, verdict, text };
}
