import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AuthGate } from '../../../../src/auth/gate.ts';
import { processCollector } from '../../../../src/collectors/process/collector.ts';
import { defaultConfig } from '../../../../src/config/load.ts';
import type { Evidence } from '../../../../src/core/collector.ts';
import { type CollectorContext, createCollector } from '../../../../src/core/context.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { runCommand } from '../../../../src/lib/run-command.ts';
import { Metrics } from '../../../../src/metrics/metrics.ts';
import { openClawInstall } from '../../../../src/openclaw/install.ts';
import { StateFile } from '../../../../src/state/state-file.ts';
import { duplicateSeries, parseExposition, sampleOf, stateOf } from '../../../support/exposition.ts';
import { TestFacts } from '../../../support/facts.ts';
import { type Shape, standIn } from '../../../support/gateway-process.ts';
import { recordingLogger } from '../../../support/logger.ts';
import { freePort } from '../../../support/ports.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { until } from '../../../support/until.ts';

const SHAPES: readonly Shape[] = ['renamed-2026.9', 'renamed-2026.5', 'service'];

interface WatchOptions {
  readonly port: number;
  readonly stateDir?: string;
  readonly storage?: string;
  /** The folder for temporary files. */
  readonly temp?: string;
  readonly local?: boolean;
  readonly platform?: NodeJS.Platform;
}

/** The process collector over this machine's own processes, one round at a time. */
function watch({
  port,
  stateDir = tempFolder(),
  storage = tempFolder(),
  temp = tempFolder(),
  local = true,
  platform,
}: WatchOptions) {
  const metrics = new Metrics();
  const logger = recordingLogger();
  const state = new StateFile(storage, logger);
  const board = new TestFacts();
  const env = {
    HOME: stateDir,
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_PORT: String(port),
    TMPDIR: temp,
  };
  const found = openClawInstall({ env, gateway: {} });
  const context: CollectorContext = {
    config: defaultConfig(),
    env,
    platform: platform ?? process.platform,
    clock: systemClock,
    logger,
    metrics,
    state,
    storagePath: storage,
    run: runCommand,
    facts: board.read,
    gate: new AuthGate({ clock: systemClock, metrics, storagePath: storage }),
    install: () => ({ ...found, address: { ...found.address, local } }),
  };
  const settings = { enabled: true, intervalMs: 1000, timeoutMs: 10_000 };
  const collector = createCollector(processCollector, context, board, settings);
  metrics.declare(collector.metrics);
  onTestFinished(() => state.close());
  const look = async () => {
    const evidence: Evidence[] = [];
    const blind: string[] = [];
    for (const target of collector.targets()) {
      const key = { collector: collector.name, target: target.name };
      const observation = await target.collect(AbortSignal.timeout(target.timeoutMs));
      evidence.push(...observation.evidence);
      if (observation.kind === 'seen') metrics.put(key, observation.samples);
      else {
        metrics.drop(key);
        blind.push(observation.reason);
      }
    }
    const text = await metrics.expose('text');
    expect(duplicateSeries(text)).toEqual([]);
    const series = parseExposition(text);
    const value = (name: string) => sampleOf(series, `openclaw_gateway_${name}`);
    return {
      text,
      evidence,
      blind,
      up: value('process_up'),
      listener: value('listener_up'),
      processes: value('processes'),
      restarts: value('process_restarts_total'),
      value,
      state: stateOf(series, 'openclaw_gateway_process_state', 'state'),
      foundBy: stateOf(series, 'openclaw_gateway_process_info', 'found_by'),
    };
  };
  return { look, board, stateDir, temp, state, close: () => state.close() };
}

function child(file: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const started = spawn(file, args, { env: { PATH: process.env.PATH ?? '', ...env }, stdio: 'ignore' });
  onTestFinished(() => void started.kill('SIGKILL'));
  return started;
}

const procStat = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8');
const startTicks = (pid: number) =>
  Number(procStat(pid).slice(procStat(pid).lastIndexOf(')')).split(' ')[20]);
const stateLetter = (pid: number) => procStat(pid).slice(procStat(pid).lastIndexOf(')')).split(' ')[1];

interface LockOptions {
  readonly pid: number;
  readonly createdAt?: string;
  readonly startTime?: number;
  readonly role?: string;
}

/** Writes a lock as 2026.9 does. */
function writeLock(
  stateDir: string,
  { pid, createdAt = '2026-11-23T00:47:24.452Z', ...rest }: LockOptions,
): void {
  const folder = join(stateDir, 'tmp', `openclaw-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true });
  const configPath = join(stateDir, 'openclaw.json');
  const lock = { pid, createdAt, configPath, stateDir, startTime: startTicks(pid), ...rest };
  writeFileSync(join(folder, 'gateway.state.lock'), `${JSON.stringify(lock)}   \n`);
}

describe.runIf(process.platform === 'linux')('without a gateway', () => {
  it('the process is down and has no figures', async () => {
    const { look, board } = watch({ port: await freePort() });
    const seen = await look();
    expect(seen).toMatchObject({ up: 0, listener: 0, processes: 0, restarts: 0, blind: [] });
    expect(seen.text).not.toMatch(/process_(state|info|start_time|resident|open_fds|cpu)/);
    expect(seen.evidence[0]).toMatchObject({ verdict: 'bad', repair: 'openclaw gateway restart' });
    expect(board.read('process')).toBeUndefined();
  });

  it('programs that merely mention it are not taken for it', async () => {
    const folder = tempFolder();
    const log = join(folder, 'openclaw-gateway.log');
    writeFileSync(log, '');
    const shim = join(folder, 'ssh');
    writeFileSync(shim, '#!/bin/sh\nsleep 60 # openclaw gateway\n', { mode: 0o755 });
    const state = { OPENCLAW_STATE_DIR: folder };
    child('tail', ['-f', log], state);
    child(shim, ['host', 'openclaw', 'gateway'], state);
    child('sh', ['-c', 'sleep 60; : openclaw gateway run'], state);
    const clients = child(
      process.execPath,
      ['-e', 'setInterval(() => {}, 1000); process.title = "openclaw-tui"'],
      state,
    );
    await until(() => readFileSync(`/proc/${clients.pid}/cmdline`, 'utf8').startsWith('openclaw-tui'));
    expect(await watch({ port: await freePort(), stateDir: folder }).look()).toMatchObject({
      up: 0,
      processes: 0,
    });
  });

  it('a stranger on the port is not the gateway', async () => {
    const port = await freePort();
    const stranger = child('python3', ['-m', 'http.server', '--bind', '127.0.0.1', String(port)]);
    const { look } = watch({ port });
    const seen = await until(async () => {
      const one = await look();
      return one.evidence.some(({ text }) => text.includes('python3')) ? one : undefined;
    });
    expect(seen).toMatchObject({ up: 0, listener: 0, processes: 0 });
    expect(seen.evidence.find(({ text }) => text.includes('python3'))?.text).toContain(String(stranger.pid));
  });

  it('the gateway of another profile is not taken for it', async () => {
    const other = tempFolder();
    const gateway = await standIn({ shape: 'renamed-2026.9', port: 0, env: { OPENCLAW_STATE_DIR: other } });
    expect(gateway.port).toBeGreaterThan(0);
    expect(await watch({ port: await freePort() }).look()).toMatchObject({ up: 0, processes: 0 });
  });

  it('a process named only openclaw, never seen before, leaves it open whether the gateway lives', async () => {
    const stateDir = tempFolder();
    await standIn({ shape: 'renamed-2026.5', env: { OPENCLAW_STATE_DIR: stateDir } });
    const seen = await watch({ port: await freePort(), stateDir }).look();
    expect(seen).toMatchObject({ up: undefined, listener: undefined, processes: undefined, restarts: 0 });
    expect(seen).toMatchObject({
      blind: [],
      evidence: [{ verdict: 'unknown' }, { subject: 'service', unconfigured: true }],
    });
  });
});

describe.runIf(process.platform === 'linux').each(SHAPES)('a gateway of the shape %s', (shape) => {
  it('is found by its listener, with its figures', async () => {
    const gateway = await standIn({ shape, port: 0 });
    const { look, board } = watch({ port: gateway.port ?? 0 });
    const seen = await look();
    expect(seen).toMatchObject({ up: 1, listener: 1, processes: 1, restarts: 0, foundBy: 'listener' });
    expect(seen.value('process_open_fds')).toBe(readdirSync(`/proc/${gateway.pid}/fd`).length);
    expect(seen.value('process_threads')).toBe(readdirSync(`/proc/${gateway.pid}/task`).length);
    expect(seen.value('process_resident_memory_bytes')).toBeLessThan(
      seen.value('process_memory_limit_bytes') ?? 0,
    );
    expect(seen.value('process_max_fds')).toBeGreaterThan(seen.value('process_open_fds') ?? 0);
    expect(seen.value('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(board.read('process')?.startedMonotonicMs).toBeLessThanOrEqual(systemClock.monotonic());
  });

  it('is still seen alive when its listener is gone', async () => {
    const gateway = await standIn({ shape, port: 0 });
    const { look } = watch({ port: gateway.port ?? 0 });
    await look();
    await gateway.stopListening();
    expect(await look()).toMatchObject({
      up: 1,
      listener: 0,
      processes: 1,
      restarts: 0,
      foundBy: 'last_seen',
    });
  });

  it('is found by its lock when its listener was gone before we looked', async () => {
    const gateway = await standIn({ shape, port: 0 });
    await gateway.stopListening();
    const { look, stateDir } = watch({ port: gateway.port ?? 0 });
    writeLock(stateDir, { pid: gateway.pid });
    expect(await look()).toMatchObject({ up: 1, listener: 0, processes: 1, foundBy: 'lock_file' });
  });

  it('is down when it was killed, and its figures go', async () => {
    const gateway = await standIn({ shape, port: 0 });
    const { look, board } = watch({ port: gateway.port ?? 0 });
    await look();
    await gateway.kill();
    const seen = await look();
    expect(seen).toMatchObject({ up: 0, listener: 0, processes: 0, restarts: 0 });
    expect(seen.text).not.toMatch(/process_(state|info|start_time|resident|open_fds|cpu)/);
    expect(board.read('process')).toBeUndefined();
  });

  it('is up and stopped after SIGSTOP', async () => {
    const gateway = await standIn({ shape, port: 0 });
    const { look } = watch({ port: gateway.port ?? 0 });
    process.kill(gateway.pid, 'SIGSTOP');
    await until(() => stateLetter(gateway.pid) === 'T');
    const seen = await look();
    expect(seen).toMatchObject({ up: 1, listener: 1, state: 'stopped' });
    expect(seen.evidence[0]?.repair).toBe(`kill -CONT ${gateway.pid}`);
  });

  it('has restarted once when another one listens, also while the exporter was away', async () => {
    const stateDir = tempFolder();
    const storage = tempFolder();
    const first = await standIn({ shape, port: 0 });
    const port = first.port ?? 0;
    const before = watch({ port, stateDir, storage });
    await before.look();
    const known = before.board.read('process')?.identity;
    await first.kill();
    await before.look();
    const second = await standIn({ shape, port });
    expect(await before.look()).toMatchObject({ up: 1, restarts: 1 });
    expect(before.board.read('process')?.identity).not.toBe(known);
    expect(await before.look()).toMatchObject({ restarts: 1 });
    before.close();
    await second.kill();
    await standIn({ shape, port });
    const after = watch({ port, stateDir, storage });
    expect(await after.look()).toMatchObject({ up: 1, restarts: 2 });
    expect(await after.look()).toMatchObject({ restarts: 2 });
  });

  it('has restarted when its lock says so, though the process is the same', async () => {
    const gateway = await standIn({ shape, port: 0 });
    const { look, stateDir, board } = watch({ port: gateway.port ?? 0 });
    await look();
    writeLock(stateDir, { pid: gateway.pid, createdAt: '2026-11-23T00:00:00.000Z' });
    expect(await look()).toMatchObject({ restarts: 0 });
    const known = board.read('process')?.identity;
    writeLock(stateDir, { pid: gateway.pid, createdAt: '2026-11-23T01:00:00.000Z' });
    expect(await look()).toMatchObject({ restarts: 1 });
    expect(board.read('process')?.identity).not.toBe(known);
    rmSync(join(stateDir, 'tmp'), { recursive: true });
    expect(await look()).toMatchObject({ restarts: 1 });
  });
});

describe.runIf(process.platform === 'linux')('a lock', () => {
  it('of a process that had the same pid before proves nothing', async () => {
    const bystander = child('sleep', ['60']);
    const { look, stateDir } = watch({ port: await freePort() });
    writeLock(stateDir, { pid: bystander.pid ?? 0, startTime: startTicks(bystander.pid ?? 0) - 1 });
    expect(await look()).toMatchObject({ up: 0 });
  });

  it('of a maintenance command is not the gateway', async () => {
    const command = child('sleep', ['60']);
    const { look, stateDir } = watch({ port: await freePort() });
    writeLock(stateDir, { pid: command.pid ?? 0, role: 'sqlite-maintenance' });
    expect(await look()).toMatchObject({ up: 0 });
  });

  it('that is no JSON, or a folder, is passed over', async () => {
    const { look, stateDir } = watch({ port: await freePort() });
    const folder = join(stateDir, 'tmp', 'openclaw-0');
    mkdirSync(join(folder, 'gateway.1.lock'), { recursive: true });
    writeFileSync(join(folder, 'gateway.2.lock'), '{');
    writeFileSync(join(folder, 'gateway.3.lock'), 'x'.repeat(100_000));
    expect(await look()).toMatchObject({ up: 0, blind: [] });
  });

  it.runIf(process.getuid?.() === 0)('that another user wrote is not believed', async () => {
    const gateway = await standIn({ shape: 'renamed-2026.9', env: { OPENCLAW_STATE_DIR: tempFolder() } });
    const port = await freePort();
    const { look, temp, stateDir } = watch({ port });
    const path = join(temp, 'openclaw-65534', 'gateway.0a1b2c3d.lock');
    mkdirSync(dirname(path));
    const startTime = startTicks(gateway.pid);
    const configPath = join(stateDir, 'openclaw.json');
    const lock = { pid: gateway.pid, createdAt: '2026-11-23T00:47:24.452Z', configPath, startTime };
    writeFileSync(path, JSON.stringify(lock));
    expect(await look()).toMatchObject({ up: 1, foundBy: 'lock_file' });
    chownSync(path, 65_534, 65_534);
    expect(await watch({ port, stateDir, temp }).look()).toMatchObject({ up: 0 });
  });

  it('of an older gateway is found in the temporary folder, through a linked state folder too', async () => {
    const gateway = await standIn({ shape: 'renamed-2026.5' });
    const real = tempFolder();
    const stateDir = join(tempFolder(), 'link');
    symlinkSync(real, stateDir);
    const { look, temp } = watch({ port: await freePort(), stateDir });
    const folder = join(temp, `openclaw-${process.getuid?.() ?? 0}`);
    mkdirSync(folder);
    const lock = {
      pid: gateway.pid,
      createdAt: '2026-11-23T00:47:24.452Z',
      configPath: join(real, 'openclaw.json'),
      startTime: startTicks(gateway.pid),
    };
    writeFileSync(join(folder, 'gateway.0a1b2c3d.lock'), JSON.stringify(lock));
    expect(await look()).toMatchObject({ up: 1, listener: 0, foundBy: 'lock_file' });
  });
});

describe.runIf(process.platform === 'linux')('two gateways', () => {
  it('are counted when the second one wants the same port and cannot have it', async () => {
    const first = await standIn({ shape: 'service', port: 0 });
    const { look, stateDir } = watch({ port: first.port ?? 0 });
    const env = { OPENCLAW_STATE_DIR: stateDir };
    const second = await standIn({ shape: 'renamed-2026.9', env });
    const seen = await look();
    expect(seen).toMatchObject({ up: 1, listener: 1, processes: 2, restarts: 0 });
    const warnings = seen.evidence.filter(({ verdict }) => verdict === 'warning').map(({ text }) => text);
    expect(warnings).toContainEqual(expect.stringContaining(String(second.pid)));
    await second.kill();
    expect(await look()).toMatchObject({ processes: 1 });
  });

  it('are counted when both are older ones and the second cannot have the port', async () => {
    const stateDir = tempFolder();
    const env = { OPENCLAW_STATE_DIR: stateDir };
    const first = await standIn({ shape: 'renamed-2026.5', port: 0, env });
    await standIn({ shape: 'renamed-2026.5', env });
    const { look } = watch({ port: first.port ?? 0, stateDir });
    expect(await until(async () => (await look()).processes === 2)).toBe(true);
  });

  it('are counted when an older one took the same state folder with another port', async () => {
    const stateDir = tempFolder();
    const env = { OPENCLAW_STATE_DIR: stateDir };
    const first = await standIn({ shape: 'renamed-2026.5', port: 0, env });
    await standIn({ shape: 'renamed-2026.5', port: 0, env });
    expect(await watch({ port: first.port ?? 0, stateDir }).look()).toMatchObject({ up: 1, processes: 2 });
  });

  it('are one where the other process is a short command', async () => {
    const stateDir = tempFolder();
    const env = { OPENCLAW_STATE_DIR: stateDir };
    const gateway = await standIn({ shape: 'renamed-2026.5', port: 0, env });
    await standIn({ shape: 'renamed-2026.5', env: { ...env, OPENCLAW_NODE_OPTIONS_READY: '1' } });
    expect(await watch({ port: gateway.port ?? 0, stateDir }).look()).toMatchObject({ up: 1, processes: 1 });
  });

  it('are one where the other belongs to another profile', async () => {
    const gateway = await standIn({ shape: 'service', port: 0 });
    await standIn({ shape: 'service', port: 0, env: { OPENCLAW_STATE_DIR: tempFolder() } });
    expect(await watch({ port: gateway.port ?? 0 }).look()).toMatchObject({ up: 1, processes: 1 });
  });
});

describe.runIf(process.platform === 'linux')('a zombie', () => {
  it('is not up, and is told as one', async () => {
    // A parent that never collects: its child prints its pid, then is killed.
    const parent = spawn('python3', [
      '-c',
      'import os,signal,sys,time\npid=os.fork()\nif pid==0: time.sleep(600)\nprint(pid,flush=True)\ntime.sleep(600)',
    ]);
    onTestFinished(() => void parent.kill('SIGKILL'));
    let output = '';
    parent.stdout.on('data', (data) => {
      output += String(data);
    });
    const pid = Number(await until(() => /^(\d+)\n/.exec(output)?.[1]));
    const { look, stateDir, board } = watch({ port: await freePort() });
    writeLock(stateDir, { pid });
    expect(await look()).toMatchObject({ up: 1, state: 'sleeping' });
    process.kill(pid, 'SIGKILL');
    await until(() => stateLetter(pid) === 'Z');
    const seen = await look();
    expect(seen).toMatchObject({ up: 0, processes: 0, state: 'zombie', listener: 0 });
    expect(seen.text).not.toMatch(/process_(start_time|resident|open_fds|cpu)/);
    expect(board.read('process')).toBeUndefined();
  });
});

describe('what cannot be seen', () => {
  it('of a gateway on another machine is absent', async () => {
    const seen = await watch({ port: 1, local: false }).look();
    expect(seen.text).toBe('');
    expect(seen).toMatchObject({ blind: [], evidence: [{ verdict: 'unknown' }] });
  });

  it('on a system without a way to look is absent, with the reason', async () => {
    const seen = await watch({ port: 1, platform: 'freebsd' }).look();
    expect(seen.text).toBe('');
    expect(seen.blind).toEqual([expect.stringContaining('freebsd')]);
  });

  it('holds no token, no path and no command line', async () => {
    const stateDir = tempFolder();
    const gateway = await standIn({
      shape: 'service',
      port: 0,
      env: { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: 'hush-hush' },
    });
    const { text, evidence } = await watch({ port: gateway.port ?? 0, stateDir }).look();
    for (const secret of ['hush-hush', stateDir, 'index.js']) {
      expect(text + JSON.stringify(evidence)).not.toContain(secret);
    }
  });
});
