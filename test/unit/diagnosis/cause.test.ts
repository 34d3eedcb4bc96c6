import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence, Verdict } from '../../../src/core/collector.ts';
import { diagnose } from '../../../src/diagnosis/cause.ts';
import { CAUSES } from '../../../src/diagnosis/causes.ts';
import { FAULTS, type Fault } from '../../../src/lib/faults.ts';

const unreachable: Evidence = {
  layer: 'answers',
  subject: 'gateway',
  verdict: 'bad',
  text: 'no way',
  cause: 'network',
};
const down: Evidence = {
  layer: 'process',
  subject: 'gateway',
  verdict: 'bad',
  text: 'none',
  repair: 'start',
};
const hostGone: Evidence = { layer: 'network', subject: 'ssh a', verdict: 'bad', text: 'refused' };
const mismatch: Evidence = { layer: 'token', subject: 'gateway', verdict: 'bad', text: 'refused' };
const partial: Evidence = {
  layer: 'answers',
  subject: 'f',
  verdict: 'bad',
  text: '500',
  cause: 'partial-failure',
};
const cronLost: Evidence = { layer: 'cron', subject: 'sqlite', verdict: 'bad', text: 'unreadable' };
/** From the one that explains the others to the one that explains nothing else. */
const IN_ORDER = [unreachable, down, hostGone, mismatch, partial, cronLost] as const;
const NAMES = ['network', 'process', 'network', 'authentication', 'partial-failure', 'cron'];

const causeOf = (...evidence: Evidence[]) => diagnose([{ evidence }]).likeliest;

describe('the likeliest cause', () => {
  it('has a name for each fault alone', () => {
    expect(IN_ORDER.map((one) => causeOf(one)?.cause)).toEqual(NAMES);
  });

  it('is the first in the order, whatever else is wrong and in whatever order it was seen', () => {
    const some = fc.shuffledSubarray([...IN_ORDER], { minLength: 1 });
    fc.assert(
      fc.property(some, (faults) => {
        const first = IN_ORDER.find((one) => faults.includes(one));
        expect(causeOf(...faults)?.evidence).toBe(first);
      }),
    );
  });

  it('prefers evidence that names a repair step', () => {
    const silent: Evidence = { layer: 'answers', subject: 'gateway', verdict: 'bad', text: 'silent' };
    expect(causeOf(silent, down)?.evidence).toBe(down);
  });

  it('is a warning only where nothing is broken, and a remote path comes last then', () => {
    const asWarning = (one: Evidence): Evidence => ({ ...one, verdict: 'warning' });
    expect(causeOf(asWarning(down), cronLost)?.cause).toBe('cron');
    expect(causeOf(asWarning(hostGone), asWarning(cronLost))?.cause).toBe('cron');
    expect(causeOf(asWarning(hostGone))?.cause).toBe('network');
  });

  it('is none where all is well or nothing was seen', () => {
    expect(causeOf({ ...down, verdict: 'ok' }, { ...mismatch, verdict: 'unknown' })).toBeUndefined();
    expect(diagnose([])).toMatchObject({ verdict: 'unknown', likeliest: undefined, blind: 0 });
  });
});

describe('a fact that explains a fault', () => {
  const of = (one: Evidence, fault: Fault, verdict: Verdict = 'bad'): Evidence => ({
    ...one,
    fault,
    verdict,
  });

  it('is the cause of it, even where it is only a warning', () => {
    const drift = of({ ...mismatch, text: '.env shadows' }, 'token-drift', 'warning');
    const broken = of(partial, 'partial-failure');
    expect(causeOf(broken, drift)).toEqual({ cause: 'authentication', evidence: drift, explains: broken });
    const skew = of({ ...down, text: 'another version' }, 'version-skew', 'warning');
    expect(causeOf(broken, skew)).toMatchObject({ cause: 'process', evidence: skew });
  });

  it('is the holder of the port before the service that cannot start', () => {
    const loop = of({ ...down, text: 'activating' }, 'service-loop');
    const holder = of({ ...down, text: 'held by python3', pid: 7 }, 'port-held');
    expect(causeOf(loop, of(down, 'gateway-down'), holder)?.evidence).toBe(holder);
  });

  it('is a stopped process before "starting" and before the silence that it makes', () => {
    const stopped = of({ ...down, text: 'stopped' }, 'process-stopped');
    for (const fault of ['starting', 'gateway-hung', 'start-overdue'] as const) {
      const silence = of(unreachable, fault);
      expect(causeOf(silence, stopped)).toMatchObject({ cause: 'process', evidence: stopped });
    }
  });

  it('is a forwarder before the process of the gateway, which is elsewhere', () => {
    for (const fault of ['forwarder-gone', 'behind-forwarder'] as const) {
      const forwarder = of({ ...hostGone, text: 'the tunnel' }, fault);
      expect(causeOf(of(down, 'gateway-hung'), forwarder)).toMatchObject({ cause: 'network' });
    }
  });

  it('explains nothing that does not follow from it', () => {
    const drift = of(mismatch, 'token-drift', 'warning');
    expect(causeOf(cronLost, drift)?.cause).toBe('cron');
  });
});

describe('the table of causes', () => {
  it('has one row for each fault', () => {
    expect(CAUSES.map(({ fault }) => fault).toSorted()).toEqual([...FAULTS].toSorted());
  });

  it('has every explanation before what it explains, and no circles', () => {
    const ranks = new Map(CAUSES.map(({ fault }, index) => [fault, index]));
    const late = CAUSES.flatMap(({ fault, explains = [] }) =>
      explains
        .filter((other) => (ranks.get(other) ?? -1) <= (ranks.get(fault) ?? 0))
        .map((other) => [fault, other]),
    );
    expect(late).toEqual([]);
  });

  it('lets only an earlier fact suppress the alert of a fault, or the page of what it warned of', () => {
    const ranks = new Map<string, number>(CAUSES.map(({ fault }, index) => [fault, index]));
    const late = CAUSES.flatMap(({ fault, unless = [], warnsOnly }, index) =>
      unless
        .filter((other) => warnsOnly !== true && (ranks.get(other) ?? -1) > index)
        .map((other) => [fault, other]),
    );
    expect(late).toEqual([]);
  });
});

describe('the verdicts', () => {
  it('of a layer whose only target could not be collected is unknown, not unconfigured', () => {
    const { layers } = diagnose([{ evidence: [], blind: 'timeout', collector: 'ssh' }]);
    expect([...layers]).toEqual([['network', 'unknown']]);
  });

  it('of a layer is the worst that was seen of it, and what could not be seen hides nothing', () => {
    const unknown: Evidence = { ...mismatch, verdict: 'unknown' };
    const { layers, verdict, blind } = diagnose([
      { evidence: [{ ...down, verdict: 'ok' }, unknown] },
      { evidence: [], blind: 'no permission' },
    ]);
    expect([...layers]).toEqual([
      ['process', 'ok'],
      ['token', 'unknown'],
    ]);
    expect({ verdict, blind }).toEqual({ verdict: 'ok', blind: 1 });
  });
});
