import { type Evidence, NOTHING_SEEN, type Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { followLinks } from '../../lib/paths.ts';
import { counter } from '../../metrics/family.ts';
import { readOomKills } from '../../os/oom.ts';
import { OomLedger, type OomSights, type OomTotal } from './ledger.ts';

/** How long after a kill it is shown. */
const SHOWN_MS = 3_600_000;

const oomKills = counter(
  'openclaw_gateway_oom_kills_total',
  'Processes in the control group of the gateway that the kernel killed for want of memory: the gateway, a command job or an MCP server.',
  {
    meaning: {
      absent:
        'neither its control group nor systemd tells: another system than Linux, a gateway on another machine, or one that has not been running; or the exporter cannot save its state',
      zero: 'none since the exporter first saw this gateway',
    },
  },
);

/** Did the kernel kill the gateway, or a process that it started, for want of memory? */
export const oomCollector = defineCollector({
  name: 'oom',
  layer: 'process',
  defaults: { intervalMs: 15_000, timeoutMs: 5_000 },
  after: ['process'],
  publishes: [],
  metrics: [oomKills],
  create(context, { timeoutMs }) {
    const watch = new OomWatch(context);
    return {
      targets: () => [
        { name: 'oom', timeoutMs: timeoutMs * 0.9, collect: (signal) => watch.collect(signal) },
      ],
    };
  },
});

class OomWatch {
  readonly #context: CollectorContext;
  readonly #ledger: OomLedger;
  #last: { readonly total: number; readonly grewAtMs: number | undefined } | undefined;

  constructor(context: CollectorContext) {
    this.#context = context;
    this.#ledger = new OomLedger(context.state);
  }

  async collect(signal: AbortSignal): Promise<Observation> {
    const { facts, clock, install, platform } = this.#context;
    const row = facts('process')?.row;
    const group = row && platform === 'linux' ? await readOomKills(row.pid, signal) : undefined;
    const sights: OomSights = { group, run: facts('serviceRun'), nowMs: clock.now() };
    const isSeen = group !== undefined || sights.run !== undefined || this.#last !== undefined;
    if (!isSeen) return NOTHING_SEEN;
    const { stateDir } = install();
    const total = await this.#ledger.enter(await followLinks(stateDir), sights);
    return this.#observe(total, sights.nowMs);
  }

  #observe(total: OomTotal, nowMs: number): Observation {
    if (total.state === 'unknown') return NOTHING_SEEN;
    const before = this.#last;
    const isMore = before !== undefined && total.total > before.total;
    const grewAtMs = isMore ? nowMs : before?.grewAtMs;
    this.#last = { total: total.total, grewAtMs };
    const isRecent = grewAtMs !== undefined && nowMs - grewAtMs < SHOWN_MS;
    return { kind: 'seen', samples: [oomKills.sample(total.total, {})], evidence: isRecent ? [KILLED] : [] };
  }
}

const KILLED: Evidence = {
  layer: 'process',
  subject: 'memory',
  verdict: 'warning',
  text: 'the kernel killed a process of the gateway for want of memory within the last hour',
  fault: 'oom',
  repair: 'journalctl -k names the process; raise MemoryMax, or run less at a time.',
};
