import { createHash } from 'node:crypto';
import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../../../src/diagnosis/machine.ts';
import { RunbookLibrary } from '../../../../src/web/runbooks/library.ts';
import { createRunbookRouter } from '../../../../src/web/runbooks/router.ts';
import { MACHINE } from '../../../support/machine.ts';
import { textOfPage } from '../../../support/page-text.ts';

const names = [...(await new RunbookLibrary().read()).keys()];
const SYSTEMD = {
  manager: 'systemd',
  name: 'openclaw-gateway-rescue.service',
  scope: 'user',
  active: true,
  activity: 'active (running)',
  enabled: true,
  restarts: 0,
  mainPid: 1,
} as const;

function app(machine: Partial<Machine> = {}) {
  const runbooks = createRunbookRouter({
    version: '1.2.3',
    machine: async () => ({ ...MACHINE, ...machine }),
    exporterUrl: () => 'http://127.0.0.1:10790',
    telemetryPath: '/metrics',
  });
  return express().use('/runbooks', runbooks);
}

describe('/runbooks/', () => {
  it('lists every runbook with what its alert means', async () => {
    const { text } = await request(app()).get('/runbooks/').expect(200).expect('Content-Type', /html/);
    for (const name of names) expect(text).toContain(`<a href="${name}">${name}</a>`);
    expect(textOfPage(text)).toContain('OpenClawGatewayDown Nothing answers at the gateway');
  });

  it('says something of each', async () => {
    const { text } = await request(app()).get('/runbooks/');
    expect(text.match(/<span class="meta"><\/span>/g)).toBeNull();
  });

  it('is where the address without its slash leads, below a path of a proxy too', async () => {
    await request(app()).get('/runbooks').expect(301).expect('Location', 'runbooks/');
  });
});

describe('/runbooks/<Alert>', () => {
  it.each(names)('shows the whole runbook of %s, without a broken link', async (name) => {
    const { text } = await request(app()).get(`/runbooks/${name}`).expect(200);
    expect(text).toContain(`<title>${name}: runbook</title>`);
    expect(text).toContain(`<h1>${name}</h1>`);
    expect([...text.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title)).toEqual([
      'What it means',
      'Confirm',
      'Repair',
      'Verify',
      'Do not',
    ]);
    const links = [...text.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href]) => href ?? '');
    expect(links.filter((href) => !['#main', '../', './', ...names].includes(href))).toEqual([]);
  });

  it('shows numbered steps as a list', async () => {
    const { text } = await request(app()).get('/runbooks/OpenClawTokenMismatch');
    expect(text).toMatch(/<ol>\s*<li>Which copy is right:.*<li>Which copy differs:/s);
    expect(textOfPage(text)).not.toMatch(/ \d\. /);
  });

  it('has this machine’s service and version, and its address of this exporter', async () => {
    const { text } = await request(app({ service: SYSTEMD })).get('/runbooks/OpenClawGatewayDown');
    const read = textOfPage(text);
    expect(read).toContain(
      'OpenClaw 2026.9.6 , run by systemd as the user service openclaw-gateway-rescue.service .',
    );
    expect(read).toContain('To restart it: systemctl --user restart openclaw-gateway-rescue.service');
    expect(text).toContain('<code>systemctl --user restart openclaw-gateway-rescue.service</code>');
    expect(text).toContain('curl -sS http://127.0.0.1:10790/metrics');
  });

  it('says so where the gateway is on another machine, and names no command for that one', async () => {
    const { text } = await request(app({ local: false, version: undefined })).get(
      '/runbooks/OpenClawGatewayDown',
    );
    const read = textOfPage(text);
    expect(read).toContain('OpenClaw of unknown version, on another machine: run the commands there.');
    expect(read).not.toContain('To restart it');
  });

  it('names no restart of the gateway where the alert needs none', async () => {
    const { text } = await request(app()).get('/runbooks/OpenClawAlertmanagerDown');
    expect(text).not.toContain('On this machine');
  });

  it('escapes a version that a gateway made up', async () => {
    const version = '<script>alert(1)</script>';
    const { text } = await request(app({ version })).get('/runbooks/OpenClawGatewayDown');
    expect(text).not.toContain('<script');
    expect(text).toContain('&lt;script&gt;');
  });

  it('allows its own styles by their hashes and no script, and nobody keeps it', async () => {
    const { text, headers } = await request(app()).get('/runbooks/OpenClawGatewayDown');
    expect(headers['cache-control']).toBe('no-store');
    const hashes = [...text.matchAll(/<style>(.*?)<\/style>/gs)].map(
      ([, style = '']) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    );
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src ${hashes.join(' ')}`);
    expect(policy.join()).not.toMatch(/unsafe|script-src/);
    expect(text).not.toMatch(/<script| style=| on\w+=/);
  });

  it.each([
    '/runbooks/OpenClawNothing',
    '/runbooks/OpenClawGatewayDown.md',
    '/runbooks/OpenClawGatewayDown/',
    '/runbooks/openclawgatewaydown',
    '/runbooks/openclaw-commands.json',
    '/runbooks/..%2f..%2fpackage.json',
    '/runbooks/%2e%2e%2fcron',
    '/runbooks/..%5ccron.md',
    '/runbooks/%00',
    '/runbooks/__proto__',
    '/runbooks/constructor',
  ])('is 404 for %s', async (path) => {
    const { text } = await request(app()).get(path).expect(404);
    expect(text).not.toContain('Before you repair');
  });
});
