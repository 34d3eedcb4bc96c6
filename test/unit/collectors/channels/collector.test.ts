import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { observeChannels } from '../../../../src/collectors/channels/collector.ts';
import {
  type ChannelVerdict,
  judgeByReadiness,
  judgeByStatus,
  labelAccount,
} from '../../../../src/collectors/channels/judge.ts';
import { diagnose } from '../../../../src/diagnosis/cause.ts';
import { parseChannelStatus } from '../../../../src/gateway/channel-status.ts';
import { CHANNEL_STATES } from '../../../../src/lib/vocabulary.ts';
import { configuredChannels } from '../../../../src/openclaw/channels.ts';

const FIXTURES = join(import.meta.dirname, '..', '..', '..', 'fixtures', 'channels');
const TOKEN = '123456:planted-bot-token';
/** As the gateways of the recordings were configured. */
const CONFIGURED = configuredChannels.parse({
  defaults: { groupPolicy: 'open' },
  telegram: {
    enabled: true,
    accounts: { main: { botToken: TOKEN }, off: { enabled: false, botToken: TOKEN } },
  },
  discord: { token: TOKEN },
  slack: { enabled: false },
});

const recorded = (version: string) =>
  parseChannelStatus(JSON.parse(readFileSync(join(FIXTURES, `${version}.json`), 'utf8'))) ?? new Map();

const short = (verdicts: readonly ChannelVerdict[]) =>
  verdicts.map(({ channel, account, state, isUp }) => [channel, account, state, isUp]);

describe('channels by the report of the gateway itself', () => {
  it('are, on 2026.9.6, in the state of their lifecycle, and a plugin that never ran is down', () => {
    expect(short(judgeByStatus(CONFIGURED ?? [], recorded('2026.9.6')))).toEqual([
      ['telegram', 'main', 'starting', false],
      ['telegram', 'off', 'disabled', false],
      ['discord', 'default', 'other', false],
    ]);
  });

  it('are, on 2026.5.7, judged by their connection, and what the gateway does not know is missing', () => {
    expect(short(judgeByStatus(CONFIGURED ?? [], recorded('2026.5.7')))).toEqual([
      ['telegram', 'main', 'starting', false],
      ['telegram', 'off', 'disabled', false],
      ['discord', 'default', 'missing', false],
    ]);
  });

  it('are connected where the lifecycle is ready, with the times of their last messages', () => {
    const status = parseChannelStatus({
      channelOrder: ['telegram'],
      channelAccounts: {
        telegram: [{ accountId: 'main', lifecycle: 'ready', lastInboundAt: 1_000, lastOutboundAt: 2_000 }],
      },
    });
    const { samples } = observe(judgeByStatus([], status ?? new Map()));
    expect(samples).toMatchObject([
      { name: 'openclaw_channel_up', value: 1 },
      ...CHANNEL_STATES.map((state) => ({ labels: { state }, value: state === 'ready' ? 1 : 0 })),
      { name: 'openclaw_channel_last_inbound_timestamp_seconds', value: 1 },
      { name: 'openclaw_channel_last_outbound_timestamp_seconds', value: 2 },
    ]);
  });

  it('of any form never throw, and have one verdict an account', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (order, accounts) => {
        const status = parseChannelStatus({ channelOrder: order, channelAccounts: { telegram: accounts } });
        const verdicts = judgeByStatus(CONFIGURED ?? [], status ?? new Map());
        const ups = observe(verdicts).samples.filter(({ name }) => name === 'openclaw_channel_up');
        const series = ups.map(({ labels }) => JSON.stringify(labels));
        expect(new Set(series).size).toBe(series.length);
      }),
    );
  });
});

describe('channels by /readyz', () => {
  it('are one series each, without an account: failing where it names them', () => {
    const verdicts = judgeByReadiness(CONFIGURED ?? [], { ready: false, failing: ['telegram'] });
    expect(short(verdicts)).toEqual([
      ['telegram', '', 'other', false],
      ['discord', '', 'ready', true],
    ]);
  });

  it('are unknown, not down, while the gateway does not answer or does not say what fails', () => {
    for (const readiness of [undefined, { ready: false }]) {
      const verdicts = judgeByReadiness(CONFIGURED ?? [], readiness);
      expect(new Set(verdicts.map(({ isUp }) => isUp))).toEqual(new Set([undefined]));
      const { samples, evidence } = observe(verdicts);
      expect(samples.filter(({ name }) => name === 'openclaw_channel_up')).toEqual([]);
      expect(new Set(evidence.map(({ verdict }) => verdict))).toEqual(new Set(['unknown']));
    }
  });
});

describe('the configuration of channels', () => {
  it('keeps nothing of their tokens', () => {
    expect(JSON.stringify(CONFIGURED)).not.toContain(TOKEN);
  });

  it('holds no channel that is only switched off, and no defaults', () => {
    expect(CONFIGURED?.map(({ name }) => name)).toEqual(['telegram', 'discord']);
  });
});

describe('the evidence of channels', () => {
  it('of one that is switched off does not make the answers layer ok', () => {
    const off: ChannelVerdict = { channel: 'telegram', account: 'off', state: 'disabled', isUp: false };
    const { layers } = diagnose([{ evidence: observe([off]).evidence, collector: 'channels' }]);
    expect(layers.get('answers')).toBeUndefined();
  });

  it('is a warning with the command that tells more, but not while a young gateway connects them', () => {
    const verdicts: ChannelVerdict[] = [
      { channel: 'telegram', account: 'main', state: 'starting', isUp: false },
    ];
    expect(observe(verdicts, false).evidence).toMatchObject([
      { verdict: 'warning', fault: 'channel-down', repair: 'openclaw channels status' },
    ]);
    expect(observe(verdicts, true).evidence).toMatchObject([{ verdict: 'ok', note: true }]);
  });

  it('is a warning at any age where the token was refused', () => {
    const blocked: ChannelVerdict = { channel: 'a', account: 'b', state: 'blocked', isUp: false };
    expect(observe([blocked], true).evidence).toMatchObject([{ verdict: 'warning' }]);
  });
});

describe('the label of an account', () => {
  it('is its key, unless that could be a number or an address', () => {
    expect(['main', 'work-2', 'team_a'].map(labelAccount)).toEqual(['main', 'work-2', 'team_a']);
    for (const id of ['+4915112345678', 'me@example.com', 'bot123456789', '12', 'a:b']) {
      expect(labelAccount(id)).toMatch(/^hash-[0-9a-f]{8}$/);
    }
  });

  it('has at most 50 values, and of the others the worst is shown', () => {
    const verdicts = Array.from({ length: 60 }, (_, index): ChannelVerdict => {
      const isUp = index !== 59;
      return { channel: 'telegram', account: `account-${index}`, state: isUp ? 'ready' : 'blocked', isUp };
    });
    const ups = observe(verdicts).samples.filter(({ name }) => name === 'openclaw_channel_up');
    expect(ups).toHaveLength(51);
    expect(ups.filter(({ value }) => value === 0)).toHaveLength(1);
  });
});

function observe(verdicts: readonly ChannelVerdict[], isYoung = false) {
  const observation = observeChannels(verdicts, isYoung);
  if (observation.kind === 'blind') throw new Error(observation.reason);
  const samples = observation.samples.map(({ family, labels, value }) => ({
    name: family.name,
    labels,
    value,
  }));
  return { samples, evidence: observation.evidence };
}
