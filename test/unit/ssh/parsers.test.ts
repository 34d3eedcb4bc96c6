import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBanner } from '../../../src/ssh/banner.ts';
import { parseSshConfig, routeAsWritten } from '../../../src/ssh/config.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/);
const port = fc.integer({ min: 1, max: 65_535 });
const otherOption = fc.tuple(
  fc.stringMatching(/^x[a-z]{1,12}$/),
  fc.string().map((value) => value.replaceAll('\n', ' ')),
);

describe('the output of ssh -G', () => {
  it('is refused when it is something else, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const route = parseSshConfig(text);
        expect(route === undefined || route.hostname !== '').toBe(true);
      }),
    );
    expect(parseSshConfig('hostname a\nport 0\n')).toBeUndefined();
    expect(parseSshConfig('port 22\n')).toBeUndefined();
  });

  it('gives host and port among whatever other options stand there', () => {
    fc.assert(
      fc.property(name, port, fc.array(otherOption), (hostname, number, others) => {
        const lines = [...others.map((pair) => pair.join(' ')), `hostname ${hostname}`, `port ${number}`];
        expect(parseSshConfig(`${lines.toReversed().join('\n')}\n`)).toMatchObject({
          hostname,
          port: number,
          proxied: false,
        });
      }),
    );
  });

  it('tells a proxied host, and knows that none is none', () => {
    const of = (line: string) => parseSshConfig(`hostname a\nport 22\n${line}\n`)?.proxied;
    expect(of('proxyjump jump')).toBe(true);
    expect(of('proxycommand nc %h %p')).toBe(true);
    expect(of('proxyjump none')).toBe(false);
    expect(of('proxycommand none')).toBe(false);
  });

  it('carries what decides the way: address family, local address, options this ssh knows', () => {
    const text = 'hostname a\nport 22\naddressfamily inet6\nbindaddress ::1\nsessiontype default\n';
    const route = parseSshConfig(text);
    expect(route).toMatchObject({ family: 6, bindAddress: '::1' });
    expect(route?.knownOptions.has('sessiontype')).toBe(true);
  });
});

describe('a target without ssh', () => {
  it.each([
    ['mac', 'mac', 22],
    ['me@mac', 'mac', 22],
    ['me@x@mac', 'mac', 22],
    ['ssh://me@mac:2200', 'mac', 2200],
    ['ssh://mac/', 'mac', 22],
    ['ssh://me@[fd00::1]:23', 'fd00::1', 23],
    ['fd00::1', 'fd00::1', 22],
  ])('%s leads to %s port %i', (target, hostname, number) => {
    expect(routeAsWritten({ target, port: undefined, configFile: undefined })).toMatchObject({
      hostname,
      port: number,
    });
  });

  it('takes the configured port first', () => {
    const written = { target: 'ssh://mac:23', port: 24, configFile: undefined };
    expect(routeAsWritten(written)?.port).toBe(24);
  });

  it('is unknown where it makes no sense', () => {
    for (const target of ['ssh://mac:99999', 'me@', 'a/b']) {
      expect(routeAsWritten({ target, port: undefined, configFile: undefined })).toBeUndefined();
    }
  });
});

const printable = fc.stringMatching(/^[\x21-\x7e]{1,200}$/);
const earlierLine = fc.stringMatching(/^[ -~]{0,80}$/).filter((line) => !line.startsWith('SSH-'));

describe('a banner', () => {
  it('never throws, whatever a stranger sends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(['incomplete', 'banner', 'foreign']).toContain(parseBanner(Buffer.from(bytes)).state);
      }),
    );
  });

  it('is found behind the lines a host may send before it', () => {
    fc.assert(
      fc.property(fc.array(earlierLine, { maxLength: 5 }), printable, (earlier, software) => {
        const text = [...earlier, `SSH-2.0-${software}`].map((line) => `${line}\r\n`).join('');
        expect(parseBanner(Buffer.from(text))).toEqual({
          state: 'banner',
          identification: `SSH-2.0-${software}`,
        });
      }),
    );
  });

  it('is incomplete at every point before its end, and complete however it is cut', () => {
    const whole = Buffer.from('hello\r\nSSH-2.0-OpenSSH_9.2p1\r\n');
    for (let length = 0; length < whole.length; length += 1) {
      expect(parseBanner(whole.subarray(0, length)).state).toBe('incomplete');
    }
    expect(parseBanner(whole).state).toBe('banner');
  });

  it('is foreign for version 1, for an endless line and for an endless preamble', () => {
    expect(parseBanner(Buffer.from('SSH-1.5-old\r\n')).state).toBe('foreign');
    expect(parseBanner(Buffer.from(`SSH-2.0-${'x'.repeat(300)}`)).state).toBe('foreign');
    expect(parseBanner(Buffer.from('HTTP/1.1 400\r\n'.repeat(2_000))).state).toBe('foreign');
  });
});
