import { describe, expect, it } from 'vitest';
import type { Finding, OtherHolder, PortHolder } from '../../../../src/collectors/process/find.ts';
import { type AskedPort, HolderJudge } from '../../../../src/collectors/process/holder.ts';
import type { HealthOutcome } from '../../../../src/gateway/http.ts';

const live: HealthOutcome = { state: 'live', connectSeconds: 0, httpSeconds: 0 };
const dropped: HealthOutcome = { state: 'dropped', reason: '' };
const silent: HealthOutcome = { state: 'silent', reason: '' };
const foreign = (status: number): HealthOutcome => ({ state: 'foreign', reason: '', status });

const program = (more: Partial<OtherHolder> = {}): PortHolder => ({
  kind: 'other',
  process: { pid: 7, start: '7', comm: 'anything' },
  uid: undefined,
  isGateway: false,
  ...more,
});

function judge(
  judging: HolderJudge,
  holder: PortHolder,
  outcome: HealthOutcome,
  more: Partial<AskedPort & Pick<Finding, 'gateway'>> = {},
) {
  const { gateway, ...port } = more;
  return judging.judge(
    { holder, gateway },
    { address: 'a:1', isDeclared: false, isRemote: false, call: async () => outcome, ...port },
  );
}

describe('what holds the port', () => {
  it('passes requests on where the gateway answers through it, whatever its name', async () => {
    expect(await judge(new HolderJudge(), program(), live)).toEqual({
      kind: 'forwarder',
      name: 'anything',
      pid: 7,
      isProved: true,
    });
    const hidden = program({ process: undefined, uid: 0 });
    expect(await judge(new HolderJudge(), hidden, live)).toMatchObject({ kind: 'forwarder', pid: undefined });
  });

  it('stays a forwarder when the gateway behind it is gone, and is none when it is another process', async () => {
    const judging = new HolderJudge();
    await judge(judging, program(), live);
    expect(await judge(judging, program(), foreign(404))).toMatchObject({
      kind: 'forwarder',
      isProved: true,
    });
    const other = program({ process: { pid: 7, start: '8', comm: 'anything' } });
    expect(await judge(judging, other, foreign(404))).toMatchObject({ kind: 'other' });
  });

  it('is a forwarder too where one stood before and was started again beside a dead gateway', async () => {
    const judging = new HolderJudge();
    await judge(judging, program(), live);
    const again = program({ process: { pid: 8, start: '9', comm: 'haproxy' } });
    for (const outcome of [silent, foreign(503), foreign(500)])
      expect(await judge(judging, again, outcome)).toMatchObject({ kind: 'forwarder', name: 'haproxy' });
    expect(await judge(judging, again, foreign(200))).toMatchObject({ kind: 'other' });
  });

  it.each([
    ['closes what it accepted, as a tunnel does', dropped, false, 'forwarder'],
    ['says that what is behind it does not answer', foreign(502), false, 'forwarder'],
    ['says the same of a timeout', foreign(504), false, 'forwarder'],
    ['says that it has no server', foreign(503), true, 'forwarder'],
    ['is silent where the user named a gateway', silent, true, 'forwarder'],
    ['is silent where nobody did', silent, false, 'other'],
    ['fails where the user named a gateway', foreign(500), true, 'forwarder'],
    ['fails where nobody did', foreign(500), false, 'other'],
    ['answers something of its own', foreign(200), true, 'other'],
  ] as const)('that %s is told from a stranger', async (_, outcome, isDeclared, kind) => {
    expect(await judge(new HolderJudge(), program(), outcome, { isDeclared })).toMatchObject({ kind });
  });

  it('is no forwarder where it is a gateway of another state folder', async () => {
    expect(await judge(new HolderJudge(), program({ isGateway: true }), live)).toMatchObject({
      kind: 'other',
      isGateway: true,
    });
  });

  it('may be nothing at all where packets are passed on below sockets', async () => {
    expect(await judge(new HolderJudge(), { kind: 'nobody' }, live)).toMatchObject({ kind: 'forwarder' });
  });

  it('is missed where a forwarder was, or should be', async () => {
    const refused: HealthOutcome = { state: 'refused' };
    const judging = new HolderJudge();
    expect(await judge(judging, { kind: 'nobody' }, refused)).toEqual({
      kind: 'nobody',
      isForwarderGone: false,
    });
    await judge(judging, program(), live);
    expect(await judge(judging, { kind: 'nobody' }, refused)).toMatchObject({ isForwarderGone: true });
    expect(await judge(new HolderJudge(), { kind: 'nobody' }, refused, { isRemote: true })).toMatchObject({
      isForwarderGone: true,
    });
  });
});
