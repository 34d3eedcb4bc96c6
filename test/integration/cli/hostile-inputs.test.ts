import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { reportSchema } from '../../../src/cli/check/report.ts';
import { Child } from '../../support/child.ts';
import { parseExposition } from '../../support/exposition.ts';
import { httpServer, tcpServer } from '../../support/hostile.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const LAUNCHER = fileURLToPath(new URL('../../../src/launch.js', import.meta.url));
const ESCAPE = '\u001b';
/** Nothing that stands beside this word in a banner, an answer or a log line may ever be shown. */
const PRIVATE = 'hunter2-private';
const HOSTILE_NAME = `evil${ESCAPE}[2J"} 1 $(reboot) <script>alert(1)</script>`.replaceAll('/', '');

/** A world in which everything that can speak is hostile. */
async function world() {
  const home = tempFolder();
  const gateway = await httpServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'X-Evil': PRIVATE });
    response.end(
      JSON.stringify({ ok: false, status: `${PRIVATE}${ESCAPE}[31m`, more: 'x'.repeat(5_000_000) }),
    );
  });
  const ssh = await tcpServer((socket) => {
    socket.write(`${ESCAPE}[2J${PRIVATE}\r\nSSH-1.0-${PRIVATE}${ESCAPE}[31m\r\n`);
  });
  const logs = join(home, 'workspace', 'jobs');
  mkdirSync(logs, { recursive: true });
  const now = new Date().toISOString();
  const line = `${now} ERROR ${PRIVATE} ${ESCAPE}[31m`;
  writeFileSync(join(logs, `cron-${HOSTILE_NAME}.log`), `${`${line}\n`.repeat(5)}${'y'.repeat(1_000_000)}`);
  writeFileSync(
    join(home, 'openclaw.json'),
    JSON.stringify({ gateway: { port: gateway, auth: { token: PRIVATE } } }),
  );
  const file = join(home, 'exporter.yml');
  const config = {
    gateway: { state_dir: home },
    ssh: { hosts: [{ name: 'hostile', target: '127.0.0.1', port: ssh }] },
    collectors: { tailscale: { enabled: false }, clock: { enabled: false } },
  };
  writeFileSync(file, stringify(config));
  const args = [LAUNCHER, `--config.file=${file}`, `--storage.path=${join(home, 'storage')}`];
  const start = (...more: readonly string[]) => {
    const child = new Child(process.execPath, [...args, ...more], { env: { HOME: home } });
    onTestFinished(() => child.end());
    return child;
  };
  return { start, home };
}

/**
 * Shown to a person or a program: nothing private, nothing that moves a terminal, no path of the home folder.
 */
function expectHarmless(text: string, home: string): void {
  expect(text).not.toContain(PRIVATE);
  expect(text).not.toContain(home);
  expect(text).not.toContain(ESCAPE);
}

describe('where gateway, SSH host, log lines and names are hostile', () => {
  it('check shows none of their texts raw and calls nothing healthy', async () => {
    const { start, home } = await world();
    for (const format of [[], ['--json']]) {
      const child = start('check', ...format);
      expect(await child.exited).toBe(1);
      expectHarmless(child.output, home);
    }
  });

  it('check --json is JSON with its documented shape, and blames the hostile', async () => {
    const { start } = await world();
    const child = start('check', '--json');
    await child.exited;
    const { layers } = reportSchema.parse(JSON.parse(child.output));
    const bad = layers.filter(({ layer }) => layer === 'answers' || layer === 'network');
    expect(bad.map(({ verdict }) => verdict)).toEqual(['bad', 'bad']);
  });

  it('metrics, page and log show none of their texts raw, and the metrics can be parsed', async () => {
    const { start, home } = await world();
    const child = start('--web.listen-address=127.0.0.1:0', '--log.level=debug');
    const url = await until(() => /url=(http:\S+)\/metrics/.exec(child.output)?.[1], { what: 'it to serve' });
    await until(async () => (await fetch(`${url}/-/ready`)).ok, { what: 'a first round', timeoutMs: 30_000 });
    const [metrics, page] = await Promise.all(
      ['/metrics', '/'].map(async (path) => (await fetch(`${url}${path}`)).text()),
    );
    for (const text of [metrics, page, child.output]) {
      expect(text).not.toContain(PRIVATE);
      expect(text).not.toContain(home);
    }
    expect(page).not.toContain('<script>alert(1)');
    expect(child.output).not.toContain(ESCAPE);
    const series = parseExposition(metrics ?? '');
    const named = series.find(({ labels }) => labels.cron_job?.startsWith('evil'));
    expect(named?.labels.cron_job).toBe(HOSTILE_NAME);
    expect(series.find(({ name }) => name === 'openclaw_gateway_up')?.value).toBe(0);
  });
});
