import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBlackHole } from '../support/black-hole.ts';
import type { Child } from '../support/child.ts';
import { expectCleanExposition } from '../support/clean-exposition.ts';
import { Exporter } from '../support/exporter.ts';
import { type Series, sampleOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { Prometheus } from '../support/prometheus.ts';
import { expectNoSecretShown, rememberSecret } from '../support/secrets.ts';
import { Sshd } from '../support/sshd.ts';

const INTERVAL = { interval: '3s', timeout: '3s' };

describe('an exporter that watches real SSH servers', () => {
  const home = mkdtempSync(join(tmpdir(), 'openclaw-e2e-ssh-'));
  let sshd: Sshd;
  let mute: Child;
  let exporter: Exporter;
  let prometheus: Prometheus;

  const of = (host: string) => ({
    up: (series: readonly Series[]) => sampleOf(series, 'openclaw_ssh_up', { host }),
    phase: (series: readonly Series[], phase: string) =>
      sampleOf(series, 'openclaw_ssh_phase_up', { host, phase }),
    probes: (series: readonly Series[], result: string) =>
      sampleOf(series, 'openclaw_ssh_probes_total', { host, result }) ?? 0,
  });
  const studio = of('studio');
  const silent = of('mute');
  const clean = () => expectCleanExposition(exporter, prometheus);
  const untilUp = () => exporter.untilMetrics('the host to be up', (series) => studio.up(series) === 1);

  beforeAll(async () => {
    const port = await freePort();
    sshd = await Sshd.start();
    mute = await startBlackHole(port);
    const hosts = [
      { name: 'studio', target: sshd.target, port: sshd.port, command_interval: '3s' },
      { name: 'mute', target: '127.0.0.1', port, command_interval: '3s' },
    ];
    const config = {
      gateway: { url: `ws://127.0.0.1:${await freePort()}` },
      ssh: { config_file: sshd.configFile, hosts },
      collectors: { ssh: INTERVAL, ping: { interval: '2s', timeout: '2s' }, process: { interval: '2s' } },
    };
    exporter = await Exporter.start({ env: { HOME: home }, config });
    prometheus = await Prometheus.start(exporter.port);
  });

  afterAll(async () => {
    rememberSecret('-----BEGIN OPENSSH PRIVATE KEY-----');
    await exporter?.stop();
    await prometheus?.stop();
    await mute?.end();
    await sshd?.remove();
    exporter?.remove();
    rmSync(home, { recursive: true, force: true });
    expectNoSecretShown();
  });

  it('shows a host that can be logged in to as up, with every phase', async () => {
    await exporter.untilShown('the host to be up', (all) => {
      expect(studio.up(all)).toBe(1);
      for (const phase of ['resolve', 'connect', 'banner', 'command'])
        expect(studio.phase(all, phase)).toBe(1);
      expect(studio.probes(all, 'ok')).toBeGreaterThan(0);
    });
    await clean();
  });

  it('says that a port accepts and never speaks (N3)', async () => {
    await exporter.untilShown('the silence', (all) => {
      expect(silent.probes(all, 'no_banner')).toBeGreaterThan(0);
      expect(silent.up(all)).toBe(0);
      expect(silent.phase(all, 'connect')).toBe(1);
      expect(silent.phase(all, 'banner')).toBe(0);
    });
  });

  it('says that a stopped server refuses, and sees it return (N1)', async () => {
    const before = studio.probes(await exporter.series(), 'refused');
    await sshd.stop();
    await exporter.untilShown('the refusal', (all) => {
      expect(studio.probes(all, 'refused')).toBeGreaterThan(before);
      expect(studio.up(all)).toBe(0);
      expect(studio.phase(all, 'connect')).toBe(0);
    });
    await clean();
    await sshd.resume();
    await untilUp();
  });

  it('says that the key is refused while the server answers (N4)', async () => {
    sshd.refuseKey();
    await exporter.untilShown('the refused key', (all) => {
      expect(studio.probes(all, 'auth_denied')).toBeGreaterThan(0);
      expect(studio.up(all)).toBe(0);
      expect(studio.phase(all, 'banner')).toBe(1);
      expect(studio.phase(all, 'command')).toBe(0);
    });
    await clean();
    sshd.acceptKey();
    await untilUp();
  });

  it('says that the host key is another one (N5)', async () => {
    await sshd.renewHostKey();
    await exporter.untilShown('the new key', (all) => {
      expect(studio.probes(all, 'host_key_changed')).toBeGreaterThan(0);
      expect(studio.up(all)).toBe(0);
    });
    await clean();
    sshd.know();
    await untilUp();
  });

  it('keeps its own verdict on a gateway that is not there', async () => {
    await exporter.untilShown('no gateway', (all) => {
      expect(sampleOf(all, 'openclaw_gateway_up')).toBe(0);
      expect(sampleOf(all, 'openclaw_gateway_process_up')).toBe(0);
    });
  });
});
