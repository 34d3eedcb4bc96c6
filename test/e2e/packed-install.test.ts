import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { reportSchema } from '../../src/cli/check/report.ts';
import { Child } from '../support/child.ts';
import { SqliteStore } from '../support/cron-store.ts';
import { parseExposition, sampleOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { writeJobs } from '../support/status-world.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
const { engines } = z
  .object({ engines: z.object({ node: z.templateLiteral(['>=', z.string()]) }) })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
/** The oldest Node that the program says it runs on. */
const OLDEST = `${engines.node.slice('>='.length)}.0`;

/** The environment of a user of npm, without the settings of the npm that runs this test. */
function npmEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value = '']) =>
      /^npm_(?!config_)/i.test(name) ? [] : [[name, value]],
    ),
  );
}

async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
  const env = npmEnvironment();
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
    await npm(folder, 'install', '--prefix', join(folder, 'oldest'), `node@${OLDEST}`);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('brings what it says: program, rules, dashboards and pages, and neither sources nor tests', () => {
    const names = readdirSync(program);
    expect(names).toEqual(
      expect.arrayContaining(['dist', 'docs', 'prometheus', 'grafana', 'README.md', 'LICENSE']),
    );
    expect(readdirSync(join(program, 'docs', 'runbooks'))).toContain('OpenClawGatewayDown.md');
    expect(names).not.toContain('src');
    expect(names).not.toContain('test');
  });

  describe.each([
    ['the Node that runs the tests', process.execPath],
    [
      `Node ${OLDEST}, the oldest that may run it`,
      join(folder, 'oldest', 'node_modules', 'node', 'bin', 'node'),
    ],
  ])('on %s', (_, node) => {
    it('runs check', async () => {
      const env = { HOME: home, OPENCLAW_GATEWAY_PORT: String(await freePort()) };
      const child = new Child(node, [join(program, 'dist', 'launch.js'), 'check', '--json'], { env });
      expect(await child.exited).toBe(1);
      expect(reportSchema.parse(JSON.parse(child.output)).exitCode).toBe(1);
    });

    it('runs through npx from the tarball alone, with nothing installed before', async () => {
      const elsewhere = mkdtempSync(join(folder, 'elsewhere-'));
      const packed = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'none';
      const args = ['--yes', `--package=${join(folder, packed)}`, 'openclaw-gateway-exporter', '--version'];
      const child = new Child('npx', args, {
        cwd: elsewhere,
        env: {
          ...npmEnvironment(),
          HOME: elsewhere,
          npm_config_cache: join(elsewhere, 'cache'),
          // The program's first line looks for its Node there.
          PATH: `${dirname(node)}:${process.env.PATH ?? ''}`,
        },
      });
      expect(await child.exited).toBe(0);
      expect(child.output).toMatch(/^openclaw-gateway-exporter \d/m);
    });

    it('reads a database of cron jobs, and serves whoever knows the password', async () => {
      const someone = mkdtempSync(join(folder, 'someone-'));
      const store = new SqliteStore(join(someone, '.openclaw'));
      writeJobs(store, [{ name: 'nightly' }]);
      store.stop();
      const file = join(folder, 'web.yml');
      writeFileSync(file, stringify({ basic_auth_users: { somebody: hashSync('something', 4) } }));
      const child = new Child(
        node,
        [
          join(folder, 'node_modules', '.bin', 'openclaw-gateway-exporter'),
          `--storage.path=${join(someone, 'storage')}`,
          '--web.listen-address=127.0.0.1:0',
          `--web.config.file=${file}`,
        ],
        { env: { HOME: someone } },
      );
      try {
        const url = await until(() => /url=(http:\S+)\/metrics/.exec(child.output)?.[1], {
          what: 'it to serve',
        });
        const headers = { authorization: `Basic ${Buffer.from('somebody:something').toString('base64')}` };
        await until(
          async () => {
            const series = parseExposition(await (await fetch(`${url}/metrics`, { headers })).text());
            return sampleOf(series, 'openclaw_cron_job_enabled', { cron_job: 'nightly' }) === 1;
          },
          { what: 'the job to be shown', timeoutMs: 30_000 },
        );
        expect((await fetch(`${url}/metrics`)).status).toBe(401);
      } finally {
        await child.end();
      }
    });
  });
});
