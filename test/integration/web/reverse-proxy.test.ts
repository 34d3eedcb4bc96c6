import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Child } from '../../support/child.ts';
import { freePort } from '../../support/ports.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const LAUNCHER = fileURLToPath(new URL('../../../src/launch.js', import.meta.url));
/** Debian has it where only root looks. */
const NGINX = '/usr/sbin/nginx';
const isInstalled = existsSync(NGINX);

/** nginx with this in its `server` block, listening on `port`. */
async function startNginx(port: number, locations: string): Promise<void> {
  const folder = tempFolder();
  mkdirSync(join(folder, 'temp'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder, 'temp', kind)};`)
    .join('\n');
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; pid ${join(folder, 'pid')}; error_log stderr;
events {}
http { access_log off; ${temporary}
server { listen 127.0.0.1:${port}; ${locations} } }`,
  );
  const child = new Child(NGINX, ['-c', file, '-p', folder], { env: {} });
  onTestFinished(() => child.end());
  await until(
    () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      ),
    { what: 'nginx' },
  );
}

/** The exporter on `port`. */
async function startExporter(port: number, ...args: readonly string[]): Promise<void> {
  const child = new Child(process.execPath, [LAUNCHER, `--web.listen-address=127.0.0.1:${port}`, ...args], {
    env: { HOME: tempFolder() },
  });
  onTestFinished(() => child.end());
  await until(() => child.output.includes('serving'), { what: 'the exporter to serve' });
}

/** The pages that the status page links to, followed as a browser does; by their URL after redirects. */
async function followLinks(page: Response): Promise<Map<string, number>> {
  const links = [...(await page.text()).matchAll(/<a [^>]*href="(?<to>[^"#]+)"/g)];
  const found = new Map<string, number>();
  for (const { groups } of links) {
    const answer = await fetch(new URL(groups?.to ?? '', page.url));
    found.set(answer.url, answer.status);
  }
  return found;
}

describe.skipIf(!isInstalled)(`behind nginx${isInstalled ? '' : ' (skipped: it is not installed)'}`, () => {
  it.each([
    [
      'that passes the path on',
      '',
      (port: number) => `location /claw { proxy_pass http://127.0.0.1:${port}; }`,
    ],
    [
      'that takes the path away',
      '--web.route-prefix=/',
      (port: number) => `location /claw/ { proxy_pass http://127.0.0.1:${port}/; }`,
    ],
  ])('%s the status page, its links and redirects hold', async (_what, flag, location) => {
    const [port, behind] = [await freePort(), await freePort()];
    const external = `http://127.0.0.1:${port}/claw`;
    await startExporter(behind, `--web.external-url=${external}`, ...(flag === '' ? [] : [flag]));
    await startNginx(port, location(behind));
    const page = await fetch(external);
    expect([page.status, page.url]).toEqual([200, `${external}/`]);
    const links = await followLinks(page);
    expect(links.get(`${external}/metrics`)).toBe(200);
    expect(new Set(links.values())).toEqual(new Set([200]));
    for (const path of ['/-/healthy', '/sd', '/metrics?collect[]=ping']) {
      expect((await fetch(`${external}${path}`)).status).toBe(200);
    }
    // Whoever is on the machine itself finds the pages too.
    expect((await fetch(`http://127.0.0.1:${behind}/`)).status).toBe(200);
  });
});
