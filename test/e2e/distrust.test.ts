import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Report, reportSchema } from '../../src/cli/check/report.ts';
import { Child } from '../support/child.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { expectNoSecretShown, keepOutput } from '../support/secrets.ts';

const LAUNCHER = fileURLToPath(new URL('../../src/launch.js', import.meta.url));

/** Situations on no list of faults, each on a healthy real gateway: docs/distrust.md. */
describe('a healthy gateway', () => {
  let home: GatewayHome;
  let gateway: Child;
  let config: string;
  let undo: (() => void)[] = [];

  const check = async (env: Readonly<Record<string, string>> = {}, more: object = {}): Promise<Report> => {
    const configFile = join(home.root, 'check.yml');
    const off = { clock: { enabled: false }, tailscale: { enabled: false } };
    writeFileSync(configFile, JSON.stringify({ collectors: off, ...more }));
    const flags = [`--config.file=${configFile}`, `--storage.path=${join(home.root, 'storage')}`];
    const child = new Child(process.execPath, [LAUNCHER, 'check', '--json', ...flags], {
      env: { ...home.env, ...env },
    });
    await child.exited;
    keepOutput('check', child.output);
    return reportSchema.parse(JSON.parse(child.output));
  };
  const verdicts = ({ layers }: Report) =>
    Object.fromEntries(layers.map(({ layer, verdict }) => [layer, verdict]));
  const texts = ({ layers }: Report) =>
    layers.flatMap(({ evidence }) => evidence.map(({ verdict, text }) => `${verdict}: ${text}`)).join('\n');
  const WELL = { process: 'ok', answers: 'ok', token: 'ok' };
  const lockFile = () => {
    const folder = join(home.stateDir, 'tmp');
    const name = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((one) =>
      /gateway\.[^/]*\.lock$/.test(one),
    );
    return join(folder, name ?? 'none');
  };

  beforeAll(async () => {
    home = await GatewayHome.create('2026.9.6');
    config = join(home.stateDir, 'openclaw.json');
    home.configure(newToken());
    gateway = await home.startReady();
  }, 300_000);
  afterEach(() => {
    for (const one of undo.reverse()) one();
    undo = [];
  });
  afterAll(async () => {
    await gateway?.end('SIGKILL');
    home?.remove();
  });

  it('1: whose home is reached through a symbolic link is well', async () => {
    const link = join(home.root, 'linked');
    symlinkSync(home.home, link);
    expect(verdicts(await check({ HOME: link }))).toMatchObject(WELL);
  });

  it('2: whose openclaw.json is a link into another folder is well', async () => {
    const elsewhere = join(home.root, 'dotfiles');
    mkdirSync(elsewhere);
    renameSync(config, join(elsewhere, 'openclaw.json'));
    symlinkSync(join(elsewhere, 'openclaw.json'), config);
    undo.push(() => renameSync(join(elsewhere, 'openclaw.json'), config));
    expect(verdicts(await check())).toMatchObject(WELL);
  });

  it('3: that is named localhost in a URL with a slash at its end is well', async () => {
    expect(verdicts(await check({}, { gateway: { url: `http://localhost:${home.port}/` } }))).toMatchObject({
      process: 'ok',
      answers: 'ok',
    });
  });

  it('4: whose variables are set and empty is well', async () => {
    const empty = { OPENCLAW_STATE_DIR: '', OPENCLAW_GATEWAY_PORT: '', OPENCLAW_PROFILE: '' };
    expect(verdicts(await check(empty))).toMatchObject(WELL);
  });

  it('5: whose lock a cleaner of temporary files removed is alive, and answers', async () => {
    const file = lockFile();
    const text = readFileSync(file, 'utf8');
    rmSync(file);
    undo.push(() => writeFileSync(file, text));
    expect(verdicts(await check())).toMatchObject(WELL);
  });

  it('6: whose lock names a process that is no gateway is found all the same', async () => {
    const file = lockFile();
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(`"pid":${gateway.pid}`, '"pid":1').replace(/"pid": \d+/, '"pid": 1'));
    undo.push(() => writeFileSync(file, text));
    const report = await check();
    expect(verdicts(report)).toMatchObject(WELL);
    expect(texts(report)).not.toContain('process 1 is alive');
  });

  it('7: beside a .env of megabytes of noise is well, but for a problem at most', async () => {
    const file = join(home.stateDir, '.env');
    writeFileSync(file, Buffer.alloc(3_000_000, 0xff));
    undo.push(() => rmSync(file));
    const report = await check();
    expect(verdicts(report)).toMatchObject({ process: 'ok', answers: 'ok' });
    expect(verdicts(report).token).not.toBe('bad');
  });

  it('8: whose openclaw.json is a folder has no verdict on defaults, and is not called down', async () => {
    renameSync(config, `${config}.kept`);
    mkdirSync(config);
    undo.push(() => {
      rmSync(config, { recursive: true });
      renameSync(`${config}.kept`, config);
    });
    const report = await check();
    expect(texts(report)).toContain('openclaw.json cannot be read');
    expect(verdicts(report).process).toBe('ok');
    expect(texts(report)).not.toMatch(/^bad: /m);
  });

  it('9: whose openclaw.json an editor has just emptied is not called down, and no token is refused', async () => {
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, '');
    undo.push(() => writeFileSync(config, text));
    const report = await check();
    expect(verdicts(report)).toMatchObject({ process: 'ok', answers: 'ok' });
    expect(texts(report)).not.toMatch(/^bad: /m);
  });

  it('10: beside a program that is only called openclaw-gateway has no duplicate', async () => {
    const program = 'process.title = "openclaw-gateway"; setTimeout(() => undefined, 60_000)';
    const other = new Child(process.execPath, ['-e', program], { env: { HOME: join(home.root, 'other') } });
    undo.push(() => void other.end('SIGKILL'));
    const report = await check();
    expect(verdicts(report)).toMatchObject(WELL);
    expect(texts(report)).not.toContain('further gateway processes');
  });

  it('shows no credential anywhere', () => expectNoSecretShown());
});
