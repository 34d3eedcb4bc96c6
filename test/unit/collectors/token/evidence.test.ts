import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAKE_EQUAL, tokenEvidence } from '../../../../src/collectors/token/evidence.ts';
import { tokenFileEvidence } from '../../../../src/collectors/token/token-files.ts';
import { Secret } from '../../../../src/lib/secret.ts';
import type { CredentialPlace } from '../../../../src/openclaw/credentials.ts';
import type { KnownGateway } from '../../../../src/openclaw/install.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const INSTALL: KnownGateway = {
  address: { url: 'ws://127.0.0.1:18789', host: '127.0.0.1', port: 18_789, tls: false, local: true },
  authMode: 'token',
  credential: undefined,
  problems: [],
};

/** What is said after such an answer about openclaw.json's token, where these places hold another. */
function evidenceOf(match: boolean | undefined, ...differing: readonly CredentialPlace[]) {
  const credential = { place: 'config', secret: new Secret('hunter2') } as const;
  const verdict = match === undefined ? undefined : { match, credential, atMs: 0 };
  const places = { variants: differing.length + 1, differing };
  return tokenEvidence({ install: INSTALL, verdict, places, note: undefined }, 'a:1');
}

describe('the evidence of a token', () => {
  it('that is refused is a fault of its own, and no restart comes before a decision', () => {
    const [refused] = evidenceOf(false);
    expect(refused).toMatchObject({
      verdict: 'bad',
      text: 'the gateway refuses the credential of openclaw.json',
      repair: MAKE_EQUAL,
    });
    expect(refused).toMatchObject({ fault: 'token-mismatch' });
    expect(refused?.repair).toMatch(/^decide which copy/);
  });

  it('that is accepted names the places that do not hold it, each with its own step', () => {
    const [, service, ownCopy] = evidenceOf(true, 'service', 'process');
    expect(service).toMatchObject({
      verdict: 'warning',
      text: '3 different credentials are stored; this place does not hold the accepted one: the service file',
      repair: 'openclaw gateway install --force',
    });
    expect(ownCopy?.repair).toMatch(/^correct it where the process got it/);
  });

  it.each([
    [false, 'the refused one'],
    [undefined, 'the one to be proved'],
  ] as const)('calls no copy wrong where none is known to be right (%s)', (match, named) => {
    expect(evidenceOf(match, 'process')[1]).toMatchObject({
      text: `2 different credentials are stored; this place holds another than ${named}: the running gateway's environment`,
      repair: MAKE_EQUAL,
    });
  });

  it.each([
    ['openclaw.json is not JSON5 (line 1)', 'warning'],
    ['openclaw.json holds no object', 'warning'],
    ['openclaw.json cannot be read (EACCES)', 'unknown'],
  ] as const)('is beside what is wrong with the file: %s is %s', (problem, verdict) => {
    const places = { variants: 1, differing: [] };
    const install = { ...INSTALL, problems: [problem] };
    const said = tokenEvidence({ install, verdict: undefined, places, note: undefined }, 'a:1');
    expect(said.at(-1)).toMatchObject({ verdict, text: expect.stringContaining(problem) });
  });

  it.each([
    ['limited', 'lock-out'],
    ['protocol', 'protocol'],
  ] as const)('is a warning with a step of its own where it cannot be proved: %s', (obstacle, fault) => {
    const places = { variants: 1, differing: [] };
    const [found] = tokenEvidence(
      { install: INSTALL, verdict: undefined, places, note: 'refused', obstacle },
      'a:1',
    );
    expect(found).toMatchObject({
      verdict: 'warning',
      text: 'no verdict on the credential: refused',
      fault,
      repair: expect.any(String),
    });
  });

  it.each(['config', 'remote'] as const)('never has %s repaired by a restart first', (place) => {
    const repair = evidenceOf(true, place)[1]?.repair ?? '';
    expect(repair).not.toMatch(/^openclaw gateway restart/);
    expect(repair).not.toContain('config set');
  });

  it('whose file cannot be read is a warning that names the file', () => {
    const problem = 'gateway.token_file ~/secret cannot be read (EACCES)';
    const install = { ...INSTALL, problems: [problem, 'the service file has no token'] };
    const places = { variants: 0, differing: [] };
    const [none, unreadable, other] = tokenEvidence(
      { install, verdict: undefined, places, note: undefined },
      'a:1',
    );
    expect(none?.text).toBe('no credential could be read, so none is proved');
    expect(unreadable).toMatchObject({ verdict: 'warning', text: problem, fault: 'token-unreadable' });
    expect(other?.verdict).toBe('unknown');
  });

  it.each([
    ['config', true, undefined, 'warning', 'the gateway does not start with it'],
    ['config', false, 'config', 'warning', 'the gateway accepts it, and anyone can guess it'],
    ['config', true, 'process', 'warning', 'the gateway does not start with it'],
    ['dotenv', true, 'config', 'ok', 'which programs write for a variable that is not set'],
    ['dotenv', false, 'config', 'warning', 'which programs write for a variable that is not set'],
  ] as const)(
    'names a placeholder in %s (refused: %s, accepted one: %s) as %s',
    (place, isRefused, accepted, judged, text) => {
      const placeholders = [{ place, kind: 'unset', isRefused }] as const;
      const secret = new Secret('hunter2');
      const verdict =
        accepted === undefined
          ? undefined
          : { match: true, credential: { place: accepted, secret }, atMs: 0 };
      const places = { variants: 1, differing: [] };
      const install = { ...INSTALL, placeholders };
      const all = tokenEvidence({ install, verdict, places, note: undefined }, 'a:1');
      const found = all.find((one) => one.text.includes('placeholder instead of a credential'));
      expect(found).toMatchObject({ verdict: judged });
      expect(found?.text.endsWith(text)).toBe(true);
      expect(found?.fault).toBe(judged === 'ok' ? undefined : 'token-placeholder');
    },
  );

  it('of a gateway for /probe whose file cannot be read is a warning too', () => {
    const file = join(tempFolder(), 'studio.token');
    const gateways = [{ name: 'studio', token_file: file }, { name: 'open' }];
    expect(tokenFileEvidence(gateways, '/nowhere')).toMatchObject([
      {
        verdict: 'warning',
        subject: 'gateway studio',
        text: `its token_file ${file} cannot be read (ENOENT)`,
      },
    ]);
    writeFileSync(file, '\n');
    expect(tokenFileEvidence(gateways, '/nowhere')).toMatchObject([
      { text: `its token_file ${file} is empty` },
    ]);
    writeFileSync(file, 'hunter2');
    expect(tokenFileEvidence(gateways, '/nowhere')).toEqual([]);
    rmSync(file);
    mkdirSync(file);
    expect(tokenFileEvidence(gateways, '/nowhere')[0]?.text).toContain('not a regular file');
  });

  it('never shows the token', () => {
    expect(JSON.stringify([true, false].map((match) => evidenceOf(match, 'service')))).not.toContain(
      'hunter2',
    );
  });
});
