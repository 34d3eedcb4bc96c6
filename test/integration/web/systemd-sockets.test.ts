import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Child } from '../../support/child.ts';
import { freePort } from '../../support/ports.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const LAUNCHER = fileURLToPath(new URL('../../../src/launch.js', import.meta.url));
const ACTIVATE = '/usr/bin/systemd-socket-activate';
const EXPORTER = [process.execPath, LAUNCHER, '--web.systemd-socket'];
const isInstalled = existsSync(ACTIVATE);

function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const [file = '', ...args] = command;
  const child = new Child(file, args, { env: { HOME: tempFolder(), ...env } });
  onTestFinished(() => child.end());
  return child;
}

/**
 * systemd's own program listens there and starts the exporter, in its own place, with the first connection.
 */
function activated(sockets: readonly string[], ...args: readonly string[]): Child {
  const home = tempFolder();
  const listen = sockets.flatMap((socket) => ['-l', socket]);
  return run([ACTIVATE, '-E', `HOME=${home}`, ...listen, ...EXPORTER, ...args]);
}

/** One connection, until its other end goes. */
function answersOrCloses(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(15_000) }).then(
    () => true,
    (error: Error) => error.name !== 'TimeoutError' && !String(error.cause).includes('ECONNREFUSED'),
  );
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

describe.skipIf(!isInstalled)(
  `--web.systemd-socket${isInstalled ? '' : ' (skipped: systemd-socket-activate is not installed)'}`,
  () => {
    it('serves on every socket that systemd passes, and on no other', async () => {
      const ports = [await freePort(), await freePort()];
      const child = activated(ports.map((port) => `127.0.0.1:${port}`));
      for (const port of ports) {
        await until(() => answers(`http://127.0.0.1:${port}/metrics`), {
          what: 'an answer',
          timeoutMs: 20_000,
        });
        expect(child.output).toContain(`url=http://127.0.0.1:${port}/metrics`);
      }
      expect(child.output.match(/msg=serving/g)?.length).toBe(2);
      child.signal('SIGTERM');
      expect(await child.exited).toBe(0);
    });

    it('refuses a socket beyond loopback without authentication', async () => {
      const port = await freePort();
      const child = activated([`0.0.0.0:${port}`]);
      // The first connection starts it; nobody answers it.
      await until(() => answersOrCloses(port), { what: 'its end', timeoutMs: 20_000 });
      expect(await child.exited).toBe(2);
      expect(child.output).toContain('0.0.0.0 is not loopback');
    });

    it('takes a new password at once', async () => {
      const port = await freePort();
      const file = join(tempFolder(), 'web.yml');
      writeFileSync(file, '');
      const child = activated([`127.0.0.1:${port}`], `--web.config.file=${file}`);
      const url = `http://127.0.0.1:${port}/-/healthy`;
      await until(() => answers(url), { what: 'an answer', timeoutMs: 20_000 });
      writeFileSync(
        file,
        'basic_auth_users: { prom: "$2b$04$uWZxUkHbQ4OkV7b4v4bFXe0mNq5zq1q1q1q1q1q1q1q1q1q1q1q1q" }\n',
      );
      await until(() => fetch(url).then(({ status }) => status === 401), { what: 'the password to count' });
      expect(child.ended).toBeUndefined();
    });
  },
);

describe('--web.systemd-socket without a socket', () => {
  it.each([
    ['none at all', {}],
    ['one of another process', { LISTEN_PID: '1', LISTEN_FDS: '1' }],
  ])('such as %s ends the program with 2 and says so', async (_what, env) => {
    const child = run(EXPORTER, env);
    expect(await child.exited).toBe(2);
    expect(child.output).toContain('systemd passed no socket to this process');
  });
});
