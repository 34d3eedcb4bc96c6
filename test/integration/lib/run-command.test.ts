import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandRunner, runCommand } from '../../../src/lib/run-command.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const env = { PATH: process.env.PATH ?? '' };
const shell = (script: string, signal = new AbortController().signal, more: Record<string, string> = {}) =>
  runCommand('sh', ['-c', script], { signal, env: { ...env, ...more } });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Runs `script`, which writes `$PIDS/ready`; cuts it then, and gives the pids it wrote into `$PIDS/pid*`. */
async function cutOnceReady(script: string, names: readonly string[]) {
  const folder = tempFolder();
  const controller = new AbortController();
  const running = shell(script, controller.signal, { PIDS: folder });
  await until(() => existsSync(join(folder, 'ready')), { what: 'the script to be ready' });
  controller.abort();
  const outcome = await running;
  const pids = names.map((name) => Number(readFileSync(join(folder, name), 'utf8')));
  return { outcome, pids };
}

describe('a command that is cut', () => {
  it('is killed, and says so even where it answers SIGTERM with a clean exit', async () => {
    const { outcome, pids } = await cutOnceReady(
      'trap "exit 0" TERM; echo $$ > $PIDS/pid; : > $PIDS/ready; while :; do sleep 0.05; done',
      ['pid'],
    );
    expect(outcome.state).toBe('killed');
    expect(pids.some(isAlive)).toBe(false);
  });

  it('takes its own children with it, also those that ignore SIGTERM and hold its output open', async () => {
    const { outcome, pids } = await cutOnceReady(
      '(trap "" TERM; sh -c "echo \\$PPID" > $PIDS/child; : > $PIDS/ready; sleep 60; sleep 60) & echo $$ > $PIDS/pid; wait',
      ['child', 'pid'],
    );
    expect(outcome.state).toBe('killed');
    await until(() => !pids.some(isAlive), { what: 'nobody to be left' });
  });

  it('is not started at all when it was cut before', async () => {
    const folder = tempFolder();
    const outcome = await shell(`: > ${folder}/started`, AbortSignal.abort());
    expect(outcome).toEqual({ state: 'killed', stderr: '' });
    expect(existsSync(join(folder, 'started'))).toBe(false);
  });
});

describe('a command that cannot be started', () => {
  it('gives the reason as a code', async () => {
    const { signal } = new AbortController();
    const folder = tempFolder();
    writeFileSync(join(folder, 'no-program'), '');
    expect(await runCommand('no-such-program', [], { signal, env })).toEqual({
      state: 'not_started',
      code: 'ENOENT',
    });
    expect(await runCommand(join(folder, 'no-program'), [], { signal, env })).toEqual({
      state: 'not_started',
      code: 'EACCES',
    });
  });

  it('does not throw on an argument that no program can take', async () => {
    const { signal } = new AbortController();
    expect((await runCommand('true', ['a\0b'], { signal, env })).state).toBe('not_started');
  });
});

describe('a command that ends', () => {
  it('gives its code and both outputs', async () => {
    expect(await shell('echo out; echo err >&2; exit 3')).toEqual({
      state: 'exited',
      code: 3,
      stdout: 'out',
      stderr: 'err',
    });
  });

  it('is not waited for beyond its own end, when a process it left behind holds its output open', async () => {
    expect(await shell('sleep 60 & echo out')).toMatchObject({ state: 'exited', code: 0, stdout: 'out' });
  });

  it('is read for 200 ms beyond its own end, when a process it left behind goes on printing', async () => {
    const clock = new FakeClock();
    const { signal } = new AbortController();
    const folder = tempFolder();
    let state = 'running';
    const running = commandRunner(clock)(
      'sh',
      [
        '-c',
        `(until [ -e ${folder}/go ]; do sleep 0.01; done; echo late; : > ${folder}/said; sleep 60) & echo out`,
      ],
      { signal, env },
    );
    running.then((outcome) => {
      state = outcome.state;
    });
    await until(() => clock.pending === 1, { what: 'the command to end' });
    await clock.advance(199);
    writeFileSync(join(folder, 'go'), '');
    await until(() => existsSync(join(folder, 'said')), {
      what: 'the process that was left behind to print',
    });
    expect(state).toBe('running');
    await clock.advance(1);
    expect(await running).toEqual({ state: 'exited', code: 0, stdout: 'out\nlate', stderr: '' });
  });

  it('is ended when it prints more than is kept', async () => {
    expect(await shell('yes')).toEqual({ state: 'too_much_output' });
  });

  it('counts as killed when somebody else killed it', async () => {
    expect(await shell('kill -9 $$')).toMatchObject({ state: 'killed' });
  });
});

describe('what a command inherits', () => {
  it('is the given environment and nothing else', async () => {
    const { signal } = new AbortController();
    const outcome = await runCommand('/usr/bin/env', [], { signal, env: { ONLY: 'this' } });
    expect(outcome).toMatchObject({ state: 'exited', stdout: 'ONLY=this' });
  });

  it('is no standard input and no shell', async () => {
    const { signal } = new AbortController();
    expect(await runCommand('cat', [], { signal, env })).toMatchObject({ state: 'exited', stdout: '' });
    expect(await runCommand('echo', ['$HOME;id'], { signal, env })).toMatchObject({ stdout: '$HOME;id' });
  });
});
