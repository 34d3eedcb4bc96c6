import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tailscaleCollector } from '../../../../src/collectors/tailscale/collector.ts';
import { parseTailscaleStatus } from '../../../../src/collectors/tailscale/status.ts';
import { createFileSchema } from '../../../../src/config/schema.ts';
import { runCommand } from '../../../../src/lib/run-command.ts';
import { sampleOf } from '../../../support/exposition.ts';
import { installOf, lookOnce, startCollector, testContext } from '../../../support/looks.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const FIXTURES = join(import.meta.dirname, '..', '..', '..', 'fixtures', 'tailscale');
const fixture = (name: string) => readFileSync(join(FIXTURES, `${name}.json`), 'utf8');
const SETTINGS = { enabled: true, intervalMs: 60_000, timeoutMs: 10_000 };
const up = 'openclaw_tailscale_up';
const direct = 'openclaw_tailscale_peer_direct';
const online = 'openclaw_tailscale_peer_online';

/** Looks once with a stand-in for the program `tailscale`, which is not the real one: a shell script. */
async function lookWith(script: string | undefined, timeoutMs = SETTINGS.timeoutMs, config = {}) {
  const bin = join(tempFolder(), 'bin');
  mkdirSync(bin);
  if (script !== undefined) {
    writeFileSync(join(bin, 'tailscale'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, 'tailscale'), 0o755);
  }
  const env = { PATH: script === undefined ? bin : `${bin}:/usr/bin:/bin` };
  const context = {
    ...testContext(installOf(1, undefined)),
    env,
    run: runCommand,
    platform: 'linux' as const,
    config: createFileSchema([]).parse(config),
  };
  return lookOnce(context, startCollector(tailscaleCollector, context, { ...SETTINGS, timeoutMs }));
}

const replay = (name: string) => `[ "$*" = "status --json" ] && cat '${join(FIXTURES, `${name}.json`)}'`;

describe('the tailscale collector with a stand-in for the program', () => {
  it('is silent where there is no such program', async () => {
    const seen = await lookWith(undefined);
    expect(sampleOf(seen.series, up)).toBeUndefined();
    expect(seen.words).toContain('not installed');
  });

  it('says 0 where tailscaled does not run, and where the program hangs', async () => {
    const dead = await lookWith('echo "failed to connect to local tailscaled; is it running?" >&2; exit 1');
    expect(sampleOf(dead.series, up)).toBe(0);
    const hung = await lookWith('exec sleep 600', 1_000);
    expect(sampleOf(hung.series, up)).toBe(0);
    expect(hung.words).toContain('no answer');
  });

  it('says nothing of what it cannot understand or may not see', async () => {
    for (const script of [
      'echo garbage',
      'echo null',
      'echo "{}"',
      'echo "Access denied: status" >&2; exit 1',
      'yes',
    ]) {
      expect(sampleOf((await lookWith(script)).series, up), script).toBeUndefined();
    }
  });

  it('tells online, direct and relayed, and no path of a peer that is idle or offline', async () => {
    const { series } = await lookWith(replay('1.98-running'));
    expect(sampleOf(series, up)).toBe(1);
    expect(sampleOf(series, direct, { peer: 'macbook' })).toBe(1);
    expect(sampleOf(series, direct, { peer: 'relayed' })).toBe(0);
    expect(sampleOf(series, direct, { peer: 'peer-relayed' })).toBe(0);
    expect(sampleOf(series, direct, { peer: 'idle' })).toBeUndefined();
    expect(sampleOf(series, direct, { peer: 'asleep' })).toBeUndefined();
    expect(sampleOf(series, online, { peer: 'idle' })).toBe(1);
    expect(sampleOf(series, online, { peer: 'asleep' })).toBe(0);
  });

  it('takes the year 1 for no time at all', async () => {
    const { series } = await lookWith(replay('1.98-running'));
    const seen = 'openclaw_tailscale_peer_last_seen_timestamp_seconds';
    const handshake = 'openclaw_tailscale_peer_last_handshake_timestamp_seconds';
    const expiry = 'openclaw_tailscale_key_expiry_timestamp_seconds';
    expect(sampleOf(series, seen, { peer: 'macbook' })).toBeUndefined();
    expect(sampleOf(series, seen, { peer: 'asleep' })).toBe(Date.parse('2026-11-22T22:00:00.1Z') / 1000);
    expect(sampleOf(series, handshake, { peer: 'idle' })).toBeUndefined();
    expect(sampleOf(series, handshake, { peer: 'relayed' })).toBe(Date.parse('2026-11-23T01:00:01Z') / 1000);
    expect(sampleOf(series, expiry, { peer: 'studio' })).toBe(Date.parse('2027-01-01T00:00:00Z') / 1000);
  });

  it('keeps peers of one name apart and leaves out guests and commercial exit nodes', async () => {
    const { series } = await lookWith(replay('1.98-running'));
    expect(sampleOf(series, online, { peer: 'twin.tail0123.ts.net' })).toBe(1);
    expect(sampleOf(series, online, { peer: 'twin.other.ts.net' })).toBe(0);
    for (const peer of ['twin', 'guest', 'fr-par-wg-001']) {
      expect(sampleOf(series, online, { peer })).toBeUndefined();
    }
  });

  it('reads an old version too, which does not tell who is online', async () => {
    const { series } = await lookWith(replay('1.14-running'));
    expect(sampleOf(series, up)).toBe(1);
    expect(sampleOf(series, direct, { peer: 'macbook' })).toBe(1);
    expect(sampleOf(series, online, { peer: 'macbook' })).toBeUndefined();
  });

  it('says which state a tailscaled is in that is not connected', async () => {
    const seen = await lookWith(replay('1.98-needs-login'));
    const state = 'openclaw_tailscale_backend_state';
    expect(sampleOf(seen.series, up)).toBe(0);
    expect(sampleOf(seen.series, state, { state: 'needs_login' })).toBe(1);
    expect(sampleOf(seen.series, state, { state: 'running' })).toBe(0);
    expect(seen.words).toContain('needs login');
  });

  it('gives at most a hundred peers series, those of ssh.hosts and gateways first', async () => {
    const status = JSON.parse(fixture('1.98-running'));
    const [model] = Object.values(status.Peer);
    const peers = Array.from({ length: 300 }, (_, index) => ({
      ...(model as object),
      DNSName: `peer-${index + 1000}.tail0123.ts.net.`,
      TailscaleIPs: [`fd7a:115c:a1e0::${index}`],
    }));
    const file = join(tempFolder(), 'many.json');
    writeFileSync(file, JSON.stringify({ ...status, Peer: { ...peers } }));
    const hosts = ['me@peer-1299', 'ssh://me@peer-1298:22'].map((target, index) => ({
      name: `h${index}`,
      target,
    }));
    const gateways = [{ name: 'studio', url: 'ws://[fd7a:115c:a1e0::297]:18789' }];
    const config = { ssh: { hosts }, gateways };
    const { series } = await lookWith(`cat '${file}'`, SETTINGS.timeoutMs, config);
    expect(sampleOf(series, online, { peer: 'peer-1299' })).toBe(1);
    expect(sampleOf(series, online, { peer: 'peer-1298' })).toBe(1);
    expect(sampleOf(series, online, { peer: 'peer-1297' })).toBe(1);
    expect(sampleOf(series, online, { peer: 'peer-1096' })).toBe(1);
    expect(sampleOf(series, online, { peer: 'peer-1097' })).toBeUndefined();
  });
});

describe('the output of tailscale status', () => {
  it('never throws, whatever is printed', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseTailscaleStatus(text)));
  });

  it('is read from every fixture', () => {
    const names = readdirSync(FIXTURES).filter((name) => name.endsWith('.json'));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) expect(parseTailscaleStatus(fixture(name.slice(0, -5))), name).toBeDefined();
  });
});
