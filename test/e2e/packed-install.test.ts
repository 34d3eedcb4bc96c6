import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { reportSchema } from '../../src/check/report.ts';
import { Child } from '../support/child.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

/** Runs npm as a user does, without the settings of the npm that runs this test. */
async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/i.test(name)),
  );
  await run('npm', [...args, '--no-audit', '--no-fund'], { cwd, env, maxBuffer: 64 * 1024 * 1024 });
}

describe('the packed program, installed in an empty folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-packed-'));
  const program = join(folder, 'node_modules', 'openclaw-gateway-exporter');
  const home = join(folder, 'home');

  beforeAll(async () => {
    mkdirSync(home);
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    await npm(ROOT, 'pack', '--pack-destination', folder);
    const packed = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'none';
    await npm(folder, 'install', '--omit=dev', join(folder, packed));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function start(...args: readonly string[]): Child {
    const file = join(folder, 'node_modules', '.bin', 'openclaw-gateway-exporter');
    const storage = `--storage.path=${join(home, 'storage')}`;
    return new Child(process.execPath, [file, storage, ...args], { env: { HOME: home } });
  }

  it('brings what it says: program, rules, dashboards and pages, and neither sources nor tests', () => {
    const names = readdirSync(program);
    expect(names).toEqual(
      expect.arrayContaining(['dist', 'docs', 'prometheus', 'grafana', 'README.md', 'LICENSE']),
    );
    expect(names).not.toContain('src');
    expect(names).not.toContain('test');
  });

  it('runs check', async () => {
    const env = { HOME: home, OPENCLAW_GATEWAY_PORT: String(await freePort()) };
    const child = new Child(process.execPath, [join(program, 'dist', 'launch.js'), 'check', '--json'], {
      env,
    });
    expect(await child.exited).toBe(1);
    expect(reportSchema.parse(JSON.parse(child.output)).exitCode).toBe(1);
  });

  it('serves whoever knows the password', async () => {
    const file = join(folder, 'web.yml');
    writeFileSync(file, stringify({ basic_auth_users: { somebody: hashSync('something', 4) } }));
    const child = start('--web.listen-address=127.0.0.1:0', `--web.config.file=${file}`);
    try {
      const url = await until(() => /url=(http:\S+)\/metrics/.exec(child.output)?.[1], {
        what: 'it to serve',
      });
      const headers = { authorization: `Basic ${Buffer.from('somebody:something').toString('base64')}` };
      const answer = await fetch(`${url}/metrics`, { headers });
      expect(await answer.text()).toContain('openclaw_exporter_build_info');
      expect((await fetch(`${url}/metrics`)).status).toBe(401);
    } finally {
      await child.end();
    }
  });
});
