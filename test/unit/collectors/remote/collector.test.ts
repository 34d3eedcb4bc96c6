import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { readPlaces } from '../../../../src/auth/places.ts';
import { COLLECTOR_DEFAULTS } from '../../../../src/collectors/index.ts';
import { remoteCollector } from '../../../../src/collectors/remote/collector.ts';
import { parseConfig } from '../../../../src/config/load.ts';
import type { Observation } from '../../../../src/core/collector.ts';
import { createCollector } from '../../../../src/core/context.ts';
import type { RunCommand } from '../../../../src/lib/run-command.ts';
import { Secret } from '../../../../src/lib/secret.ts';
import { openClawInstall } from '../../../../src/openclaw/install.ts';
import { digestOf } from '../../../../src/openclaw/token-digest.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { testContext } from '../../../support/looks.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const INTERVAL_MS = 300_000;
const OWN = 'the gateway’s';

/**
 * Hosts whose clients hold these tokens, and an ssh that answers for them; a host
 * without one cannot be logged in to.
 */
function clients(tokens: Record<string, string | undefined>) {
  const home = tempFolder();
  const clock = new FakeClock();
  const asked: string[] = [];
  const run: RunCommand = async (_, args, { input }) => {
    const host = args.at(args.indexOf('--') + 1) ?? '';
    if (args[0] === '-G')
      return { state: 'exited', code: 0, stdout: `hostname ${host}\nport 22\n`, stderr: '' };
    asked.push(host);
    const token = tokens[host];
    if (token === undefined) return { state: 'exited', code: 255, stdout: '', stderr: '' };
    const hex = /^nonce=(\w+)$/m.exec(input ?? '')?.[1] ?? '';
    const digest = digestOf(new Secret(token), { hex }).toString('hex');
    const answer = `openclaw-exporter:${JSON.stringify(token === '' ? { state: 'none' } : { state: 'held', digest })}`;
    return { state: 'exited', code: 0, stdout: `hello\n${answer}\n`, stderr: '' };
  };
  const hosts = Object.keys(tokens).map((name) => ({ name, target: name, token: true }));
  const outcome = parseConfig(
    stringify({ ssh: { hosts: [...hosts, { name: 'unasked', target: 'unasked' }] } }),
    COLLECTOR_DEFAULTS,
  );
  if (outcome.state === 'invalid') throw new Error(JSON.stringify(outcome.problems));
  const env = { HOME: home, OPENCLAW_GATEWAY_TOKEN: OWN };
  const context = testContext(openClawInstall({ env, gateway: {} }), {
    config: outcome.config,
    env,
    clock,
    run,
  });
  const { board, install } = context;
  const settings = { enabled: true, intervalMs: 30_000, timeoutMs: 25_000 };
  const collector = createCollector(remoteCollector, context, board, settings);
  return {
    asked,
    board,
    clock,
    tokens,
    /** How many different tokens there are, as the token collector counts them. */
    variants: () =>
      readPlaces(install(), undefined, false, [...(board.read('remoteTokens')?.values() ?? [])]).variants,
    async round(): Promise<Record<string, string>> {
      const { signal } = new AbortController();
      const looks = collector.targets().map(async (target): Promise<[string, string]> => {
        return [target.name, textOf(await target.collect(signal))];
      });
      return Object.fromEntries(await Promise.all(looks));
    },
    close: () => collector.close?.(),
  };
}

/** Values of present and in_sync, or the reason why there are none. */
function textOf(observation: Observation): string {
  if (observation.kind === 'blind') throw new Error(observation.reason);
  const { samples, evidence } = observation;
  if (samples.length === 0) return evidence[0]?.text ?? '';
  return samples
    .map(({ family, value }) => `${family.name.replace('openclaw_gateway_token_', '')}=${value}`)
    .join(' ');
}

describe('the clients on other hosts', () => {
  it('are only asked where the configuration says so', async () => {
    const { round, asked } = clients({ laptop: OWN });
    expect(Object.keys(await round())).toEqual(['laptop']);
    expect(asked).toEqual(['laptop']);
  });

  it('are absent with a reason where they cannot be asked', async () => {
    const { round, variants } = clients({ laptop: undefined });
    expect(await round()).toEqual({ laptop: expect.stringContaining('ssh failed') });
    expect(variants()).toBe(1);
  });

  it('are told apart by what they hold', async () => {
    const { round, variants } = clients({ same: OWN, other: 'old', none: '' });
    expect(await round()).toEqual({
      same: 'present=1 in_sync=1',
      other: 'present=1 in_sync=0',
      none: 'present=0',
    });
    expect(variants()).toBe(2);
  });

  it('that hold one and the same wrong token are one variant, and those with different ones are several', async () => {
    const alike = clients({ one: 'old', two: 'old' });
    await alike.round();
    expect(alike.variants()).toBe(2);
    const different = clients({ one: 'old', two: 'older' });
    await different.round();
    expect(different.variants()).toBe(3);
  });

  it('are asked once in a command interval, by a question that was never asked before', async () => {
    const { round, asked, clock, board } = clients({ laptop: OWN });
    await round();
    const first = board.read('remoteTokens')?.get('laptop')?.nonce.hex;
    await clock.advance(INTERVAL_MS / 2);
    await round();
    expect(asked).toHaveLength(1);
    await clock.advance(INTERVAL_MS / 2);
    await round();
    expect(asked).toHaveLength(2);
    expect(board.read('remoteTokens')?.get('laptop')?.nonce.hex).not.toBe(first);
  });

  it('keep their answer over one question that fails, and not over two', async () => {
    const { round, clock, tokens } = clients({ laptop: 'old' });
    await round();
    tokens.laptop = undefined;
    await clock.advance(INTERVAL_MS);
    expect(await round()).toEqual({ laptop: 'present=1 in_sync=0' });
    await clock.advance(INTERVAL_MS);
    await round();
    await clock.advance(INTERVAL_MS);
    expect(await round()).toEqual({ laptop: expect.stringContaining('ssh failed') });
  });

  it('are asked again within a minute where the question failed', async () => {
    const { round, asked, clock, tokens } = clients({ laptop: undefined });
    await round();
    tokens.laptop = OWN;
    await clock.advance(INTERVAL_MS / 10);
    await round();
    expect(asked).toHaveLength(1);
    await clock.advance(INTERVAL_MS / 10);
    expect(await round()).toEqual({ laptop: 'present=1 in_sync=1' });
  });

  it('are not asked on a host that is not up, lest the address is banned there', async () => {
    const { round, asked, board } = clients({ laptop: OWN });
    board.publish('sshCommands', new Map());
    expect(await round()).toEqual({ laptop: 'it is not up over SSH' });
    board.publish('sshCommands', new Map([['laptop', { atMs: 0, clock: undefined }]]));
    expect(await round()).toEqual({ laptop: 'present=1 in_sync=1' });
    expect(asked).toHaveLength(1);
  });

  it('are compared anew with a rotated token without being asked again', async () => {
    const { round, asked, board, variants } = clients({ laptop: 'new' });
    expect(await round()).toEqual({ laptop: 'present=1 in_sync=0' });
    const accepted = { place: 'config', secret: new Secret('new') } as const;
    board.publish('provedCredential', { accepted, identity: undefined, greeting: undefined });
    expect(await round()).toEqual({ laptop: 'present=1 in_sync=1' });
    expect(asked).toHaveLength(1);
    expect(variants()).toBe(2);
  });

  it('are forgotten with the collector', async () => {
    const { round, board, close } = clients({ laptop: 'old' });
    await round();
    await close();
    expect(board.read('remoteTokens')).toBeUndefined();
  });
});
