import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apiCollector } from '../../../../src/collectors/api/collector.ts';
import { pingCollector } from '../../../../src/collectors/ping/collector.ts';
import { tokenCollector } from '../../../../src/collectors/token/collector.ts';
import { Secret } from '../../../../src/lib/secret.ts';
import { sampleOf, stateOf } from '../../../support/exposition.ts';
import { fakeGateway } from '../../../support/hostile.ts';
import { installOf, lookOnce, startCollector, testContext } from '../../../support/looks.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const GOOD = 'the-good-token';
const WRONG = 'the-wrong-token';
const SETTINGS = { enabled: true, intervalMs: 1_000, timeoutMs: 1_000 };

async function watch(token: string | undefined, changes: Parameters<typeof testContext>[1] = {}) {
  const gateway = await fakeGateway(GOOD);
  const context = testContext(installOf(gateway.port, token), changes);
  const collectors = {
    token: startCollector(tokenCollector, context, SETTINGS),
    api: startCollector(apiCollector, context, SETTINGS),
    ping: startCollector(pingCollector, context, SETTINGS),
  };
  const look = (name: keyof typeof collectors) => lookOnce(context, collectors[name]);
  return { gateway, context, look };
}

const match = 'openclaw_gateway_token_match';
const attempts = 'openclaw_gateway_auth_attempts_total';
const suppressed = 'openclaw_gateway_auth_suppressed_total';

describe('the token check', () => {
  it('says 0 after a refusal and asks no more until something changes (T1)', async () => {
    const { gateway, context, look } = await watch(WRONG);
    expect(sampleOf((await look('token')).series, match, { credential: 'config', host: '' })).toBe(0);
    for (let round = 0; round < 5; round += 1) await look('token');
    const held = await look('token');
    expect(gateway.shown).toHaveLength(1);
    expect(sampleOf(held.series, match)).toBe(0);
    expect(sampleOf(held.series, suppressed)).toBe(6);
    context.found = installOf(gateway.port, GOOD);
    expect(sampleOf((await look('token')).series, match)).toBe(1);
  });

  it('asks again when the gateway is another process, or tells a smaller uptime', async () => {
    const { gateway, context, look } = await watch(WRONG);
    context.board.publish('process', { identity: 'one', startedMonotonicMs: 0 });
    await look('token');
    context.board.publish('process', { identity: 'two', startedMonotonicMs: 0 });
    await look('token');
    expect(gateway.shown).toHaveLength(2);
    gateway.uptimeMs = 1_000;
    gateway.token = WRONG;
    expect(sampleOf((await look('token')).series, match)).toBe(1);
  });

  it('never shows more than three wrong tokens, whatever changes and however often it is restarted', async () => {
    const { gateway, context, look } = await watch(WRONG);
    for (let round = 0; round < 6; round += 1) {
      context.found = installOf(gateway.port, `${WRONG}-${round}`);
      await look('token');
      const restarted = testContext(context.found, { storagePath: context.storagePath });
      await lookOnce(restarted, startCollector(tokenCollector, restarted, SETTINGS));
    }
    expect(gateway.shown).toHaveLength(3);
    const last = await look('token');
    expect(last.words).toContain('limit');
    expect(sampleOf(last.series, suppressed)).toBeGreaterThan(0);
  });

  it('has no verdict once the gateway has not answered for an interval, and the same when it does again', async () => {
    const { gateway, context, look } = await watch(WRONG);
    context.board.publish('process', { identity: 'one', startedMonotonicMs: 0 });
    expect(sampleOf((await look('token')).series, match)).toBe(0);
    gateway.health = 'silent';
    await look('token');
    const hung = await look('token');
    expect(sampleOf(hung.series, match)).toBeUndefined();
    expect(hung.words).toContain('the gateway does not answer');
    gateway.health = 'live';
    expect(sampleOf((await look('token')).series, match)).toBe(0);
    expect(gateway.shown).toHaveLength(1);
    gateway.health = 'foreign';
    expect(sampleOf((await look('token')).series, match)).toBeUndefined();
  });

  it('names the place whose present value was proved, also after an edit', async () => {
    const { gateway, context, look } = await watch(GOOD);
    await look('token');
    const edited = installOf(gateway.port, 'not-yet-in-force');
    const dotenv = { place: 'dotenv', secret: new Secret(GOOD) } as const;
    context.found = { ...edited, credentials: [...edited.credentials, dotenv] };
    expect(sampleOf((await look('token')).series, match, { credential: 'dotenv' })).toBe(1);
    context.found = edited;
    const { series } = await look('token');
    expect(sampleOf(series, match, { credential: 'process' })).toBe(1);
    expect(sampleOf(series, match, { credential: 'config' })).toBeUndefined();
    expect(sampleOf(series, 'openclaw_gateway_token_in_sync', { credential: 'config' })).toBe(0);
  });

  it('shows no token to a stranger on the port (G4)', async () => {
    const { gateway, look } = await watch(GOOD);
    gateway.health = 'foreign';
    await look('token');
    await look('api');
    expect(gateway.shown).toEqual([]);
  });

  it('shows no token where the WebSocket does not open with a challenge', async () => {
    const { gateway, look } = await watch(GOOD);
    gateway.webSocket = 'garbage';
    const { series } = await look('token');
    expect(gateway.shown).toEqual([]);
    expect(sampleOf(series, match)).toBeUndefined();
    expect(sampleOf(series, attempts, { result: 'timeout' })).toBe(1);
  }, 60_000);

  it('keeps a verdict through a lock-out and tells until when it lasts (T6)', async () => {
    const { gateway, look } = await watch(GOOD);
    await look('token');
    gateway.webSocket = 'rate_limited';
    const locked = await look('token');
    expect(sampleOf(locked.series, match)).toBe(1);
    expect(sampleOf(locked.series, 'openclaw_gateway_auth_locked_until_timestamp_seconds')).toBeGreaterThan(
      Date.now() / 1000,
    );
    const shown = gateway.shown.length;
    await look('token');
    await look('api');
    expect(gateway.shown).toHaveLength(shown);
  });

  it('takes an unknown protocol for no verdict and does not insist (T7)', async () => {
    const { gateway, look } = await watch(GOOD);
    gateway.webSocket = 'protocol';
    for (let round = 0; round < 5; round += 1) await look('token');
    const { series } = await look('token');
    expect(sampleOf(series, match)).toBeUndefined();
    expect(sampleOf(series, attempts, { result: 'protocol_mismatch' })).toBe(1);
    expect(gateway.shown).toHaveLength(1);
  });

  it('goes on proving the accepted token when the configuration changes under a running gateway (T2)', async () => {
    const { gateway, context, look } = await watch(GOOD);
    await look('token');
    context.found = installOf(gateway.port, 'not-yet-in-force');
    const drift = await look('token');
    expect(sampleOf(drift.series, match)).toBe(1);
    expect(sampleOf(drift.series, 'openclaw_gateway_token_variants')).toBe(2);
    expect(sampleOf(drift.series, 'openclaw_gateway_token_in_sync', { credential: 'config' })).toBe(0);
    expect(drift.words).toContain('openclaw.json');
    gateway.token = 'not-yet-in-force';
    await look('token');
    expect(sampleOf((await look('token')).series, match)).toBe(1);
  });

  it('says that nothing is configured (T5)', async () => {
    const { look } = await watch(undefined);
    const { series, words } = await look('token');
    expect(sampleOf(series, 'openclaw_gateway_token_present', { credential: 'config' })).toBe(0);
    expect(sampleOf(series, match)).toBeUndefined();
    expect(words).toContain('no credential is configured');
  });

  it('makes no attempt where the limit cannot be kept', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    const { gateway, look } = await watch(GOOD, { storagePath: join(file, 'below') });
    const { series, words } = await look('token');
    expect(gateway.shown).toEqual([]);
    expect(sampleOf(series, match)).toBeUndefined();
    expect(words).toContain('cannot be kept');
  });

  it('says no token in any words', async () => {
    const { context, look } = await watch(GOOD);
    const said = JSON.stringify([
      await look('token'),
      await look('api'),
      await look('ping'),
      context.facts('provedCredential'),
      context.facts('opening'),
    ]);
    expect(said).not.toContain(GOOD);
    expect(String(new Secret(GOOD))).not.toContain(GOOD);
  });
});

describe('the function check', () => {
  const up = 'openclaw_gateway_function_up';

  it('is absent until a token is accepted', async () => {
    const { gateway, look } = await watch(WRONG);
    await look('token');
    expect(sampleOf((await look('api')).series, up)).toBeUndefined();
    expect(gateway.asked).not.toContain('/tools/invoke');
  });

  it.each([
    ['fails', { status: 500, type: 'application/json', body: '{"ok":false}' }, 0],
    ['answers something else', { status: 200, type: 'application/json', body: '[]' }, 0],
    [
      'is hidden by policy (T9)',
      { status: 404, type: 'application/json', body: '{"ok":false,"error":{"type":"not_found"}}' },
      undefined,
    ],
    ['does not exist', { status: 200, type: 'text/html', body: '<html></html>' }, undefined],
    ['works', { status: 200, type: 'application/json', body: '{"ok":true}' }, 1],
  ])('reads a function that %s', async (_, tools, expected) => {
    const { gateway, look } = await watch(GOOD);
    gateway.tools = tools;
    await look('token');
    const { series } = await look('api');
    expect(sampleOf(series, up, { function: 'sessions_list' })).toBe(expected);
    expect(sampleOf(series, match)).toBe(1);
  });

  it('is unknown while the gateway does not answer', async () => {
    const { gateway, look } = await watch(GOOD);
    await look('token');
    expect(sampleOf((await look('api')).series, up)).toBe(1);
    gateway.health = 'silent';
    const hung = await look('api');
    expect(sampleOf(hung.series, up)).toBeUndefined();
    expect(hung.words).toContain('unknown: not called: the gateway does not answer');
  });

  it('needs no credential where the gateway accepts every client', async () => {
    const { gateway, context, look } = await watch(undefined);
    context.found = { ...context.found, authMode: 'none' };
    gateway.acceptsAll = true;
    expect(sampleOf((await look('api')).series, up)).toBe(1);
    gateway.acceptsAll = false;
    expect(sampleOf((await look('api')).series, up)).toBeUndefined();
    await look('api');
    expect(gateway.asked.filter((path) => path === '/tools/invoke')).toHaveLength(2);
    expect(gateway.shown).toEqual([]);
  });

  it('has not failed where every client is accepted and an older gateway never answered the call', async () => {
    const { gateway, context, look } = await watch(undefined);
    context.found = { ...context.found, authMode: 'none' };
    gateway.acceptsAll = true;
    const { tools } = gateway;
    gateway.tools = { status: 500, type: 'application/json', body: '{"ok":false}' };
    const old = await look('api');
    expect(sampleOf(old.series, up)).toBeUndefined();
    expect(old.words).toContain('older gateways refuse this function');
    gateway.tools = tools;
    expect(sampleOf((await look('api')).series, up)).toBe(1);
    gateway.tools = { status: 500, type: 'application/json', body: '{"ok":false}' };
    expect(sampleOf((await look('api')).series, up)).toBe(0);
  });

  it('points at .env where it shadows the configured token and an old gateway’s own call fails', async () => {
    const { gateway, context, look } = await watch(GOOD);
    const { found } = context;
    const dotenv = { place: 'dotenv', secret: new Secret('another') } as const;
    context.found = { ...found, credentials: [...found.credentials, dotenv] };
    gateway.tools = { status: 500, type: 'application/json', body: '{"ok":false}' };
    await look('token');
    expect((await look('api')).words).not.toContain('.env');
    gateway.version = '2026.5.7';
    await look('token');
    const old = await look('api');
    expect(sampleOf(old.series, up)).toBe(0);
    expect(old.words).toContain('.env in the state folder holds another token');
  });

  it.each([
    ['127.0.0.2', true],
    ['127.0.0.1', false],
    ['0.0.0.0', false],
  ])(
    'says of a gateway that listens at %s alone whether its own calls fail by it: %s',
    async (host, isDeaf) => {
      const { gateway, context, look } = await watch(GOOD);
      const { port } = gateway;
      const listens = [
        { host, port },
        { host: '127.0.0.1', port: port + 2 },
      ];
      const live = { listens, port: undefined };
      context.board.publish('process', { identity: 'one', startedMonotonicMs: 0, live });
      gateway.tools = { status: 500, type: 'application/json', body: '{"ok":false}' };
      await look('token');
      const seen = await look('api');
      expect(sampleOf(seen.series, up)).toBe(0);
      expect(seen.words.includes('calls itself at 127.0.0.1')).toBe(isDeaf);
    },
  );

  it('counts a refusal once, has the token proved anew and does not insist', async () => {
    const { gateway, look } = await watch(GOOD);
    await look('token');
    gateway.token = 'changed';
    await look('api');
    expect(gateway.shown.filter((token) => token === GOOD)).toHaveLength(2);
    await look('api');
    expect(gateway.asked.filter((path) => path === '/tools/invoke')).toHaveLength(1);
    expect(sampleOf((await look('token')).series, match)).toBe(0);
  });
});

describe('the ping', () => {
  it('times the challenge of the token check and opens no WebSocket itself', async () => {
    const { gateway, look } = await watch(GOOD);
    await look('ping');
    await look('token');
    const { series } = await look('ping');
    expect(stateOf(series, 'openclaw_gateway_state', 'state')).toBe('up');
    expect(sampleOf(series, 'openclaw_gateway_ping_duration_seconds_count', { phase: 'handshake' })).toBe(1);
    expect(sampleOf(series, 'openclaw_gateway_info', { version: '2026.9.6', protocol: '4' })).toBe(1);
    expect(gateway.shown).toHaveLength(1);
  });

  it('opens one itself where there is no token, once, and says what is wrong with it', async () => {
    const { gateway, look } = await watch(undefined);
    gateway.webSocket = 'garbage';
    const broken = await look('ping');
    expect(sampleOf(broken.series, 'openclaw_gateway_up')).toBe(1);
    expect(
      sampleOf(broken.series, 'openclaw_gateway_last_ping_duration_seconds', { phase: 'handshake' }),
    ).toBeUndefined();
    expect(broken.words).toContain('warning: HTTP answers, the WebSocket does not open');
    gateway.webSocket = 'gateway';
    expect((await look('ping')).words).toContain('does not open');
  });

  it('calls silence a start while the process is young and has never been up, and a hang afterwards', async () => {
    const { gateway, context, look } = await watch(undefined);
    const state = async () => stateOf((await look('ping')).series, 'openclaw_gateway_state', 'state');
    gateway.health = 'silent';
    expect(await state()).toBe('hung');
    context.board.publish('process', { identity: 'young', startedMonotonicMs: performance.now() - 1_000 });
    expect(await state()).toBe('starting');
    gateway.health = 'live';
    expect(await state()).toBe('up');
    gateway.health = 'silent';
    expect(await state()).toBe('hung');
  });
});
