import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { processCredential } from '../../../src/openclaw/process-credential.ts';
import { parseCmdline, parseProcStat } from '../../../src/os/proc-process.ts';
import { Child } from '../../support/child.ts';
import { newToken } from '../../support/openclaw.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

/**
 * Stays and says so; with a file's name, starts that as its own worker first,
 * handing its environment on changed.
 */
const STAYS = `
const [worker, token] = process.argv.slice(2);
const ready = () => console.log('ready');
if (worker?.endsWith('.js')) {
  const env = { ...process.env, OPENCLAW_GATEWAY_TOKEN: token };
  const child = require('node:child_process').fork(worker, [], { env });
  child.once('message', ready);
  process.on('exit', () => child.kill());
  process.on('SIGTERM', () => process.exit());
} else ready();
setInterval(() => undefined, 60_000);
`;
/** As current gateways lay out their own helper. */
const WORKER = 'dist/process/spawn-broker/worker.js';

async function started(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const program = join(tempFolder(), 'gateway.cjs');
  writeFileSync(program, STAYS);
  const child = new Child(process.execPath, [program, ...args], { env });
  onTestFinished(() => child.end('SIGTERM'));
  await until(() => child.output.includes('ready'), { what: 'the process to stay' });
  return { child, row: rowOf(child.pid) };
}

function rowOf(pid: number) {
  const stat = parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const argv = parseCmdline(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  return { pid, start: stat?.startTicks ?? '', argv };
}

const heldBy = (credential: Awaited<ReturnType<typeof processCredential>>) =>
  credential.state === 'found' ? credential.secret.reveal() : credential.state;

describe.runIf(process.platform === 'linux')('the credential of a running gateway', () => {
  it('is hidden once its process ended, also where another one took its pid', async () => {
    const { child, row } = await started([], { OPENCLAW_GATEWAY_TOKEN: newToken() });
    expect((await processCredential({ ...row, start: `${row.start}0` }, 'token')).state).toBe('hidden');
    await child.end('SIGKILL');
    expect((await processCredential(row, 'token')).state).toBe('hidden');
  });

  it('is none where it was given none, and what is meant for the other kind is not taken', async () => {
    const { row } = await started([], { OPENCLAW_GATEWAY_PASSWORD: newToken() });
    expect((await processCredential(row, 'token')).state).toBe('none');
    expect(heldBy(await processCredential(row, 'password'))).not.toBe('none');
  });

  it.each([
    ['--token', (token: string) => ['--token', token]],
    ['--token=', (token: string) => [`--token=${token}`]],
  ])('is what %s says, whatever its environment holds', async (_, args) => {
    const token = newToken();
    const { row } = await started(args(token), { OPENCLAW_GATEWAY_TOKEN: newToken() });
    expect(heldBy(await processCredential(row, 'token'))).toBe(token);
  });

  it('is what its environment holds, where a child that is not its own worker holds another', async () => {
    const token = newToken();
    const { row } = await started([commandFile('tools/agent.js'), newToken()], {
      OPENCLAW_GATEWAY_TOKEN: token,
    });
    expect(heldBy(await processCredential(row, 'token'))).toBe(token);
  });

  it('is what it hands on to its own worker, where it took another one than it was started with', async () => {
    const effective = newToken();
    const { row } = await started([commandFile(WORKER), effective], { OPENCLAW_GATEWAY_TOKEN: newToken() });
    expect(heldBy(await processCredential(row, 'token'))).toBe(effective);
  });
});

/** A program of that path that says when it runs. */
function commandFile(path: string): string {
  const file = join(tempFolder(), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "process.send('here'); setInterval(() => undefined, 60_000);");
  return file;
}
