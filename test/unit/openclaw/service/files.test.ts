import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openClawInstall } from '../../../../src/openclaw/install.ts';
import { readLaunchdJob } from '../../../../src/openclaw/service/plist.ts';
import { parseEnvironmentFile, readUnit, splitWords } from '../../../../src/openclaw/service/systemd-unit.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const UNIT = '.config/systemd/user/openclaw-gateway.service';
const TOKEN = 'old "token" 100% \\ #1';
const SYSTEMD = `"OPENCLAW_GATEWAY_TOKEN=${TOKEN.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`;

/** The service's credential in a home folder that holds these files. */
function serviceToken(files: Readonly<Record<string, string>>, config = 'new-token') {
  const home = tempFolder();
  const all = {
    '.openclaw/openclaw.json': JSON.stringify({ gateway: { auth: { token: config } } }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  const install = openClawInstall({ env: { HOME: home }, gateway: {}, root: join(home, 'root') });
  const service = install.credentials.find(({ place }) => place === 'service');
  return { install, token: service?.secret.reveal(), home };
}

describe('the service file of the gateway', () => {
  it('is no place where there is none, and one without a token where it holds none', () => {
    expect(serviceToken({}).install.service).toBe(false);
    const { install, token } = serviceToken({ [UNIT]: '[Service]\nEnvironment=LANG=C\n' });
    expect([install.service, token]).toEqual([true, undefined]);
  });

  it('is read with its quotes, escapes, specifiers and continued lines', () => {
    const text = `[Service]\nEnvironment=A=b \\\n# a comment\n  ${SYSTEMD} C=d\n`;
    expect(serviceToken({ [UNIT]: text }).token).toBe(TOKEN);
  });

  it('gives drop-ins, resets and environment files the precedence of systemd', () => {
    const unit = '[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=one\n';
    const dropIn = (name: string) => `${UNIT}.d/${name}.conf`;
    const two = '[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=two\n';
    expect(serviceToken({ [UNIT]: unit, [dropIn('10')]: two }).token).toBe('two');
    expect(
      serviceToken({ [UNIT]: unit, [dropIn('10')]: two, [dropIn('20')]: '[Service]\nEnvironment=\n' }).token,
    ).toBeUndefined();
    const file = '[Service]\nEnvironmentFile=-%h/env\n';
    const env = "# x\nOPENCLAW_GATEWAY_TOKEN='three'\n";
    expect(serviceToken({ [UNIT]: unit, [dropIn('10')]: file, env }).token).toBe('three');
    expect(serviceToken({ [UNIT]: unit, [dropIn('10')]: file }).token).toBe('one');
    const start = '[Service]\nExecStart=/usr/bin/node index.js gateway --token "four"\n';
    expect(serviceToken({ [UNIT]: unit, [dropIn('10')]: start }).token).toBe('four');
  });

  it('names an environment file that cannot be read, without its path', () => {
    const { install, home } = serviceToken({ [UNIT]: '[Service]\nEnvironmentFile=%h/gone\n' });
    expect(install.problems.join()).toContain('environment file');
    expect(install.problems.join()).not.toContain(home);
  });

  it.each(['OPENCLAW_STATE_DIR=%h/.openclaw-rescue', 'HOME=/home/other'])(
    'belongs to another gateway where its state folder follows from %s',
    (variable) => {
      const text = `[Service]\nEnvironment=${variable} OPENCLAW_GATEWAY_TOKEN=x\n`;
      const { install, token } = serviceToken({ [UNIT]: text });
      expect([install.service, install.serviceIsOthers, token]).toEqual([false, true, undefined]);
    },
  );

  it('belongs to this gateway though its port is not the configured one', () => {
    const start = 'ExecStart=/usr/bin/node /opt/openclaw/dist/index.js gateway --port 4000';
    const { install, token } = serviceToken({
      [UNIT]: `[Service]\n${start}\nEnvironment=OPENCLAW_GATEWAY_TOKEN=x\n`,
    });
    expect([install.servicePort, token]).toEqual([4000, 'x']);
  });

  it('gives the variable that openclaw.json refers to (T4)', () => {
    const text = '[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=same\n';
    const { install } = serviceToken({ [UNIT]: text }, ['$', '{OPENCLAW_GATEWAY_TOKEN}'].join(''));
    expect(new Set(install.credentials.map(({ secret }) => secret.reveal()))).toEqual(new Set(['same']));
    expect(install.credentials).toHaveLength(2);
  });

  it('is read from a property list, entities resolved, and from the wrapper of newer versions', () => {
    const plist = 'Library/LaunchAgents/ai.openclaw.gateway.plist';
    const xml = (inside: string) =>
      `<?xml version="1.0"?>\n<!DOCTYPE plist>\n<plist><dict>${inside}</dict></plist>`;
    const variables =
      '<key>EnvironmentVariables</key><dict><key>OPENCLAW_GATEWAY_TOKEN</key><string>a&amp;b&#x27;</string></dict>';
    expect(serviceToken({ [plist]: xml(variables) }).token).toBe("a&b'");
    const wrapper =
      '<key>ProgramArguments</key><array><string>/bin/sh</string><string>/x-env-wrapper.sh</string></array><true/>';
    const env = "export OPENCLAW_GATEWAY_TOKEN='it'\\''s'\n";
    const files = {
      [plist]: xml(wrapper.replace('<true/>', '')),
      '.openclaw/service-env/ai.openclaw.gateway.env': env,
    };
    expect(serviceToken(files).token).toBe("it's");
  });
});

/** A binary property list of one dictionary of strings in another. */
function binaryPlist(name: string, value: string): Buffer {
  const text = (one: string) => {
    const wide = Buffer.from(one, 'utf16le').swap16();
    return Buffer.concat([Buffer.from([0x6f, 0x11, one.length >> 8, one.length & 255]), wide]);
  };
  const objects = [
    Buffer.from([0xd1, 1, 2]),
    text('EnvironmentVariables'),
    Buffer.from([0xd1, 3, 4]),
    text(name),
    text(value),
  ];
  const offsets: number[] = [];
  let at = 8;
  for (const one of objects) {
    offsets.push(at);
    at += one.length;
  }
  const table = Buffer.alloc(objects.length * 4);
  for (const [index, offset] of offsets.entries()) table.writeUInt32BE(offset, index * 4);
  const trailer = Buffer.alloc(32);
  trailer.writeUInt8(4, 6);
  trailer.writeUInt8(1, 7);
  trailer.writeBigUInt64BE(BigInt(objects.length), 8);
  trailer.writeBigUInt64BE(BigInt(at), 24);
  return Buffer.concat([Buffer.from('bplist00'), ...objects, table, trailer]);
}

describe('the readers of service files', () => {
  const value = fc.string({ minLength: 1, maxLength: 60 }).filter((text) => !/\p{Cc}/u.test(text));

  it('read back whatever is written for Environment=', () => {
    fc.assert(
      fc.property(value, (text) => {
        const quoted = `"T=${text.replaceAll(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`;
        const { environment } = readUnit([`[Service]\nEnvironment=A=b ${quoted}\n`], {
          home: '/h',
          unit: 'x.service',
        });
        expect(environment.at(-1)).toEqual({ name: 'T', value: text });
      }),
    );
  });

  it('read back whatever is written to an environment file', () => {
    fc.assert(
      fc.property(value, (text) => {
        const written = `A=b\nT="${text.replaceAll(/["\\`$]/g, '\\$&')}"\nC=d\n`;
        expect(parseEnvironmentFile(written).get('T')).toBe(text);
      }),
    );
  });

  it('read back whatever a binary property list holds', () => {
    fc.assert(
      fc.property(value, (text) => {
        expect(readLaunchdJob(binaryPlist('T', text))?.EnvironmentVariables).toEqual({ T: text });
      }),
    );
  });

  it('never throw, whatever a file holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (bytes, text) => {
        readLaunchdJob(Buffer.from(bytes));
        readLaunchdJob(Buffer.concat([Buffer.from('bplist00'), bytes]));
        readLaunchdJob(Buffer.from(`<plist>${text}`));
        splitWords(text);
        parseEnvironmentFile(text);
      }),
    );
  });
});
