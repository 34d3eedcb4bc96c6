import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { type Report, reportSchema } from '../../../src/cli/check/report.ts';
import { Child } from '../../support/child.ts';
import { freePort } from '../../support/ports.ts';
import { until } from '../../support/until.ts';

const LAUNCHER = fileURLToPath(new URL('../../../src/launch.js', import.meta.url));
const STAND_IN = fileURLToPath(new URL('../../support/stand-in-gateway.ts', import.meta.url));
const NOBODY = 65_534;
const PROGRAMS = ['/usr/bin/setpriv', '/usr/bin/unshare'];
/** Whether any user may run a program that lies there. */
function isOpen(path: string): boolean {
  const folder = dirname(path);
  return folder === path || ((statSync(folder).mode & 0o001) !== 0 && isOpen(folder));
}

/** Another user and namespaces of one's own need root, and a program that the other user can read. */
const POSSIBLE =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  PROGRAMS.every((path) => existsSync(path)) &&
  [LAUNCHER, process.execPath].every(isOpen);

interface Place {
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

/** A stand-in for a gateway of root, its state folder for root alone, and a folder for the exporter. */
async function place(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-privileges-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const [state, own] = [join(folder, 'state'), join(folder, 'own')];
  for (const name of [join(state, 'cron'), join(own, 'storage')])
    mkdirSync(name, { recursive: true, mode: 0o700 });
  const port = await freePort();
  const config = { gateway: { port, auth: { mode: 'token', token: 'right' } } };
  writeFileSync(join(state, 'openclaw.json'), JSON.stringify(config));
  writeFileSync(join(state, 'cron', 'jobs.json'), '{"version":1,"jobs":[]}');
  const off = { tailscale: { enabled: false }, clock: { enabled: false } };
  writeFileSync(join(own, 'exporter.yml'), stringify({ collectors: off }), { mode: 0o644 });
  for (const name of [own, join(own, 'storage')]) chownSync(name, NOBODY, NOBODY);
  chmodSync(state, 0o700);
  const env = { STAND_IN_PORT: String(port), STAND_IN_TOKEN: 'right', OPENCLAW_STATE_DIR: state };
  const gateway = new Child(process.execPath, ['--disable-warning=ExperimentalWarning', STAND_IN], { env });
  onTestFinished(() => gateway.end());
  await until(() => gateway.output.includes('listening'), { what: 'the stand-in to listen' });
  return {
    env: { HOME: own, OPENCLAW_STATE_DIR: state, OPENCLAW_GATEWAY_PORT: String(port) },
    args: [
      'check',
      '--json',
      `--config.file=${join(own, 'exporter.yml')}`,
      `--storage.path=${join(own, 'storage')}`,
    ],
  };
}

/** Runs `check` through another program. */
async function checkThrough(through: readonly string[], { env, args }: Place, more = {}): Promise<Report> {
  const [file = '', ...rest] = [...through, process.execPath, LAUNCHER, ...args];
  const child = new Child(file, rest, { env: { ...env, ...more } });
  await child.exited;
  return reportSchema.parse(JSON.parse(child.output));
}

const verdicts = ({ layers }: Report) =>
  Object.fromEntries(layers.map(({ layer, verdict }) => [layer, verdict]));
const words = ({ layers }: Report) => JSON.stringify(layers);

describe.runIf(POSSIBLE)('what the exporter sees', () => {
  let where: Place;

  beforeEach(async () => {
    where = await place();
  });

  it('as the gateway’s own user is everything', async () => {
    const seen = await checkThrough(['/usr/bin/env'], where);
    expect(verdicts(seen)).toMatchObject({ process: 'ok', answers: 'ok', token: 'ok', cron: 'ok' });
    expect(seen.exitCode).toBe(0);
    expect(seen.notSeen).toEqual([]);
  });

  it('as another user is that it answers: neither files, nor who listens, nor a token are at hand', async () => {
    const user = ['/usr/bin/setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    const seen = await checkThrough(user, where);
    expect(verdicts(seen)).toMatchObject({ answers: 'ok', token: 'unknown', cron: 'bad' });
    expect(words(seen)).toContain('openclaw.json cannot be read (EACCES)');
    expect(words(seen)).toContain('run the exporter as that user');
    const withToken = await checkThrough(user, where, { OPENCLAW_GATEWAY_TOKEN: 'right' });
    expect(verdicts(withToken)).toMatchObject({ answers: 'ok', token: 'ok' });
  });

  it('in a pid namespace of its own is all but the process', async () => {
    const apart = ['/usr/bin/unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
    const seen = await checkThrough(apart, where);
    expect(verdicts(seen)).toMatchObject({ process: 'unknown', answers: 'ok', token: 'ok', cron: 'ok' });
    expect(seen.exitCode).toBe(0);
    expect(seen.notSeen.map(({ target }) => target)).toEqual(['process']);
  });

  it('in a network namespace of its own is files and processes, and never a healthy gateway', async () => {
    const seen = await checkThrough(['/usr/bin/unshare', '--net'], where);
    expect(verdicts(seen)).toMatchObject({ answers: 'bad', token: 'unknown', cron: 'ok' });
    expect(seen.exitCode).toBe(1);
  });
});
