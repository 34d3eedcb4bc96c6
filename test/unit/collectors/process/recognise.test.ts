import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { declaredPort, looksLike } from '../../../../src/collectors/process/recognise.ts';

const INDEX = '/usr/lib/node_modules/openclaw/dist/index.js';

describe('a program that merely mentions the gateway', () => {
  it.each([
    ['tail', '-f', 'openclaw-gateway.log'],
    ['ssh', 'host', 'openclaw', 'gateway'],
    ['ssh', 'host', 'openclaw-gateway'],
    ['grep', 'openclaw', 'gateway'],
    ['pgrep', '-fl', 'openclaw.*gateway'],
    ['vim', '/home/u/openclaw/gateway.ts'],
    ['code', 'openclaw', 'gateway'],
    ['sh', '-c', 'openclaw gateway run'],
    ['sudo', '-u', 'claw', 'openclaw', 'gateway'],
    ['journalctl', '--user', '-u', 'openclaw-gateway'],
    ['npm exec openclaw gateway'],
    ['node', '/srv/openclaw-gateway-exporter/src/launch.js'],
    ['node', '/srv/openclaw-gateway-exporter/dist/launch.js', 'gateway'],
    ['node', 'server.js', 'openclaw', 'gateway'],
    ['node', '/x/openclaw/dist/process/spawn-broker/worker.js'],
    ['node', '/x/openclaw/dist/infra/sqlite-readonly-location.worker.js', 'gateway'],
    ['python3', '/x/openclaw/dist/index.js', 'gateway'],
    ['openclaw-tui'],
    ['openclaw-node'],
    ['openclaw-cron'],
    [],
  ])('is not taken for it: %s %s %s %s', (...argv) => {
    expect(looksLike(argv)).toBe('other');
  });

  it.each([
    ['status'],
    ['gateway', 'status'],
    ['gateway', 'restart'],
    ['gateway', 'stop'],
    ['gateway', '--json', 'probe'],
    ['gateway', 'auth-token', '--show'],
    ['--profile', 'gateway', 'status'],
    ['cron', 'list'],
    ['agent', '-m', 'gateway'],
    ['tui'],
  ])('is a short command: openclaw %s %s', (...args) => {
    expect(looksLike(['node', INDEX, ...args])).toBe('other');
  });
});

describe('a gateway', () => {
  it('is known by the name it gives itself', () => {
    expect(looksLike(['openclaw-gateway'])).toBe('gateway');
  });

  it.each([
    ['/usr/bin/node', INDEX, 'gateway', '--port', '18789'],
    ['/usr/bin/node', '--max-old-space-size=2048', INDEX, 'gateway', '--port', '18789'],
    ['node', '--import', 'tsx', '/src/openclaw/dist/entry.js', 'gateway'],
    ['node-22', '/usr/bin/openclaw', 'gateway', 'run', '--bind', 'lan'],
    ['/opt/node24', '/x/openclaw.mjs', '--profile', 'rescue', 'gateway', 'run'],
    ['bun', '/x/openclaw.mjs', 'gateway'],
  ])('is known by its whole command line: %s %s %s', (...argv) => {
    expect(looksLike(argv)).toBe('gateway');
  });

  it('cannot be told from other commands when it is named only openclaw', () => {
    expect(looksLike(['openclaw'])).toBe('openclaw');
  });

  it('may be any program with that file name, unless it also listens', () => {
    expect(looksLike(['node', 'dist/index.js', 'gateway', '--bind', 'lan'])).toBe('perhaps');
  });

  it('names its port in either form', () => {
    expect(declaredPort(['node', INDEX, 'gateway', '--port', '18790'])).toBe(18_790);
    expect(declaredPort(['node', INDEX, 'gateway', '--port=18791'])).toBe(18_791);
    expect(declaredPort(['node', INDEX, 'gateway', '--port'])).toBeUndefined();
    expect(declaredPort(['openclaw-gateway'])).toBeUndefined();
  });
});

it('any command line at all gets an answer', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('node', 'openclaw', 'gateway', '--profile', '-r', INDEX, 'run'),
  );
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      expect(['gateway', 'openclaw', 'perhaps', 'other']).toContain(looksLike(argv));
    }),
  );
});
