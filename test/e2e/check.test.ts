import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Report, reportSchema } from '../../src/cli/check/report.ts';
import { Child } from '../support/child.ts';
import { GatewayHome, newToken, refusedAttempts } from '../support/openclaw.ts';
import { expectNoSecretShown, keepOutput } from '../support/secrets.ts';

const LAUNCHER = fileURLToPath(new URL('../../src/launch.js', import.meta.url));

describe('check beside a real gateway', () => {
  let home: GatewayHome;
  let gateway: Child;
  const token = newToken();

  beforeAll(async () => {
    home = await GatewayHome.create('2026.9.6');
    home.configure(token);
    gateway = await home.startReady();
  });

  afterAll(async () => {
    await gateway?.end();
    home?.remove();
    expectNoSecretShown();
  });

  async function check(...args: readonly string[]) {
    const storage = `--storage.path=${join(home.root, 'storage')}`;
    const child = new Child(process.execPath, [LAUNCHER, 'check', storage, ...args], { env: home.env });
    const code = await child.exited;
    keepOutput('check', child.output);
    return { code, output: child.output };
  }

  async function report(): Promise<Report> {
    const { code, output } = await check('--json');
    const parsed = reportSchema.parse(JSON.parse(output));
    expect(parsed.exitCode).toBe(code);
    return parsed;
  }

  const verdicts = ({ layers }: Report) =>
    Object.fromEntries(layers.map(({ layer, verdict }) => [layer, verdict]));

  it('that is healthy finds every layer well and names its version', async () => {
    const seen = await report();
    expect(verdicts(seen)).toMatchObject({ process: 'ok', answers: 'ok', token: 'ok', cron: 'ok' });
    expect(seen.gateway.version).toBe('2026.9.6');
    // Whether this machine's own clock is kept in step is not the gateway's matter.
    const wrong = seen.layers.filter(({ layer }) => layer !== 'network').flatMap((one) => one.evidence);
    expect(wrong.filter(({ verdict }) => verdict === 'bad' || verdict === 'warning')).toEqual([]);
    expect(seen.likeliestCause?.cause ?? 'network').toBe('network');
  });

  it('that was killed blames its process, and still reads its jobs', async () => {
    await gateway.end('SIGKILL');
    const { code, output } = await check();
    expect(code).toBe(1);
    expect(output).toContain("Likeliest cause: the gateway's own process");
    expect(output).toContain('openclaw gateway run');
    const seen = await report();
    expect(verdicts(seen)).toMatchObject({ process: 'bad', answers: 'bad', token: 'unknown', cron: 'ok' });
  });

  it('that was started with another token blames authentication, and asks it once', async () => {
    gateway = await home.startReady(newToken());
    const seen = await report();
    expect(seen).toMatchObject({ exitCode: 1, likeliestCause: { cause: 'authentication' } });
    expect(verdicts(seen)).toMatchObject({ process: 'ok', answers: 'ok', token: 'bad', cron: 'ok' });
    expect(seen.nextStep?.phase).toBe(2);
    expect(refusedAttempts(gateway)).toBe(1);
  });
});
