import { writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import request from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { createApp } from '../../../src/web/app.ts';
import { selfSigned } from '../../support/certificate.ts';
import { matching, parseExposition, sampleOf, stateOf } from '../../support/exposition.ts';
import { fakeGateway, tcpServer } from '../../support/hostile.ts';
import { recordingLogger } from '../../support/logger.ts';
import { MACHINE } from '../../support/machine.ts';
import { freePort } from '../../support/ports.ts';
import { type ProbingOptions, probing } from '../../support/probing.ts';
import { promtoolComplaints } from '../../support/prometheus.ts';
import { Sshd } from '../../support/sshd.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const GOOD = 'the-good-token';
const WRONG = 'the-wrong-token';
const TIMEOUT = 'X-Prometheus-Scrape-Timeout-Seconds';

const match = 'openclaw_gateway_token_match';

/** The exporter's web interface over the probes of a configuration. */
function exporter(config: unknown, options: ProbingOptions = {}) {
  const probed = probing(config, { storagePath: tempFolder(), ...options });
  onTestFinished(() => probed.close());
  const app = createApp({
    telemetryPath: '/metrics',
    routePrefix: '',
    metrics: new Metrics(),
    logger: recordingLogger(),
    version: '1.2.3',
    now: () => 0,
    states: () => [],
    layerSince: () => undefined,
    jobGraceMs: () => 600_000,
    trends: () => ({ sinceMs: 0, ping: [], memory: [], runs: new Map() }),
    ready: () => true,
    reload: undefined,
    select: () => ({ state: 'unknown', running: [] }),
    machine: async () => MACHINE,
    exporterUrl: () => 'http://127.0.0.1:10789',
    history: async () => undefined,
    isAuthenticated: () => false,
    probing: probed,
  });
  const get = (path: string) => request(app).get(path);
  const probe = async (target: string, seconds = 10) => {
    const { status, text } = await get(`/probe?module=gateway&target=${target}`).set(TIMEOUT, `${seconds}`);
    return { status, text, series: status === 200 ? parseExposition(text) : [] };
  };
  return { app, get, probe, probed };
}

function tokenFile(token: string): string {
  const file = join(tempFolder(), 'token');
  writeFileSync(file, `${token}\n`);
  return file;
}

/** Accepts every connection and never says a word; counts what it has open. */
async function hangingPort() {
  let open = 0;
  const port = await tcpServer((socket) => {
    open += 1;
    socket.resume();
    socket.on('close', () => {
      open -= 1;
    });
  });
  return { port, open: () => open };
}

describe('/probe refuses', () => {
  const one = { gateways: [{ name: 'studio', url: 'ws://127.0.0.1:1' }] };
  const HOSTILE = '<script>alert(1)</script>';

  it.each<[string, number, string, string]>([
    ['without a target', 400, '/probe', 'target'],
    ['an empty target', 400, '/probe?target=', 'target'],
    ['two targets', 400, '/probe?target=studio&target=studio', 'target'],
    ['a target that is no text', 400, '/probe?target[a]=studio', 'target'],
    ['an unknown module', 400, `/probe?target=studio&module=${HOSTILE}`, 'gateway, ssh'],
    ['two modules', 400, '/probe?target=studio&module=ssh&module=ssh', 'gateway, ssh'],
    ['an unknown target', 404, `/probe?target=${HOSTILE}`, '/sd?module=gateway'],
    ['an address instead of a name', 404, '/probe?target=127.0.0.1:1', '/sd?module=gateway'],
    ["another module's target", 404, '/probe?target=studio&module=ssh', '/sd?module=ssh'],
    ['a name of every object', 404, '/probe?target=__proto__', '/sd?module=gateway'],
  ])('%s, and says what is allowed', async (_what, status, path, allowed) => {
    const { get, probed } = exporter(one);
    const { text, headers } = await get(encodeURI(path)).expect(status);
    expect(text).toContain(allowed);
    expect(text).not.toContain('script');
    expect(headers['content-type']).toContain('text/plain');
    expect(probed.counted).toEqual([]);
  });

  it.each(['0', '0.5', '-1', 'NaN', '1e9', '10s', '1,5', ' ', HOSTILE])(
    'a timeout of %j',
    async (timeout) => {
      const { get } = exporter(one);
      const { text } = await get('/probe?target=studio').set(TIMEOUT, timeout).expect(400);
      expect(text).toContain('Timeout-Seconds');
      expect(text).not.toContain('script');
    },
  );

  it.each(['POST', 'PUT', 'DELETE'])('%s', async (method) => {
    const { app } = exporter(one);
    const agent = request(app);
    const send = { POST: agent.post, PUT: agent.put, DELETE: agent.delete }[method];
    await send?.call(agent, '/probe?target=studio').expect(404);
  });
});

describe('a probe of a gateway', () => {
  it('gives gauges alone, clean to promtool, and the same in OpenMetrics', async () => {
    const gateway = await fakeGateway(GOOD);
    const url = `http://127.0.0.1:${gateway.port}`;
    const { get, probe } = exporter({ gateways: [{ name: 'studio', url, token_file: tokenFile(GOOD) }] });
    const { text, series } = await probe('studio');
    expect(sampleOf(series, 'probe_success')).toBe(1);
    expect(sampleOf(series, 'probe_duration_seconds')).toBeGreaterThan(0);
    expect(sampleOf(series, 'openclaw_gateway_up')).toBe(1);
    expect(stateOf(series, 'openclaw_gateway_state', 'state')).toBe('up');
    expect(sampleOf(series, match, { credential: 'other', host: '' })).toBe(1);
    expect(text.match(/^# TYPE .*$/gm)?.filter((line) => !line.endsWith(' gauge'))).toEqual([]);
    expect(await promtoolComplaints(text)).toBe('');
    const { text: open, headers } = await get('/probe?target=studio').set(
      'Accept',
      'application/openmetrics-text;version=1.0.0',
    );
    expect(headers['content-type']).toContain('application/openmetrics-text');
    expect(open.endsWith('# EOF\n')).toBe(true);
    const names = new Set(parseExposition(open).map(({ name }) => name));
    expect([...new Set(series.map(({ name }) => name))].filter((name) => !names.has(name))).toEqual([]);
  });

  it('says nothing of places for tokens that it does not look at', async () => {
    const gateway = await fakeGateway(GOOD);
    const url = `ws://127.0.0.1:${gateway.port}`;
    const { probe } = exporter({ gateways: [{ name: 'studio', url }] });
    const { series } = await probe('studio');
    expect(matching(series, 'openclaw_gateway_token_present')).toEqual([]);
    expect(matching(series, match)).toEqual([]);
    expect(gateway.shown).toEqual([]);
  });

  it('sends no credential of this machine to a gateway on its own loopback', async () => {
    const gateway = await fakeGateway(GOOD);
    const home = tempFolder();
    writeFileSync(join(home, 'openclaw.json'), JSON.stringify({ gateway: { auth: { token: GOOD } } }));
    const env = {
      HOME: home,
      OPENCLAW_CONFIG_PATH: join(home, 'openclaw.json'),
      OPENCLAW_GATEWAY_TOKEN: GOOD,
    };
    const config = { gateways: [{ name: 'studio', url: `ws://127.0.0.1:${gateway.port}` }] };
    await exporter(config, { env }).probe('studio');
    expect(gateway.shown).toEqual([]);
  });

  it('is one look and one token check for all who ask at the same time', async () => {
    const gateway = await fakeGateway(GOOD);
    const url = `ws://127.0.0.1:${gateway.port}`;
    const { probe, probed } = exporter({ gateways: [{ name: 'studio', url, token_file: tokenFile(GOOD) }] });
    const all = await Promise.all(Array.from({ length: 20 }, (_, index) => probe('studio', 10 + index)));
    expect(all.map(({ series }) => sampleOf(series, 'probe_success'))).toEqual(all.map(() => 1));
    expect(gateway.asked.filter((path) => path === '/healthz').length).toBeLessThan(all.length);
    expect(gateway.shown).toEqual([GOOD]);
    expect(probed.counted).toEqual(all.map(() => 'gateway success'));
  });

  it('of a token that is refused is no more than one attempt, however often it is asked', async () => {
    const gateway = await fakeGateway(GOOD);
    const url = `ws://127.0.0.1:${gateway.port}`;
    const { probe } = exporter({ gateways: [{ name: 'studio', url, token_file: tokenFile(WRONG) }] });
    for (let round = 0; round < 8; round += 1) {
      const { series } = await probe('studio');
      expect(sampleOf(series, match)).toBe(0);
      expect(sampleOf(series, 'probe_success')).toBe(1);
    }
    expect(gateway.shown).toEqual([WRONG]);
  });

  it('keeps one limit for an address, under all names, tokens and restarts', async () => {
    const gateway = await fakeGateway(GOOD);
    const storagePath = tempFolder();
    const files = Array.from({ length: 6 }, (_, index) => tokenFile(`${WRONG}-${index}`));
    const gateways = files.map((file, index) => ({
      name: `name${index}`,
      url: `${index % 2 === 0 ? 'ws' : 'http'}://${index % 3 === 0 ? 'localhost' : '127.0.0.1'}:${gateway.port}`,
      token_file: file,
    }));
    for (let restart = 0; restart < 2; restart += 1) {
      const { probe } = exporter({ gateways }, { storagePath });
      for (const { name } of gateways) await probe(name);
    }
    expect(gateway.shown).toHaveLength(3);
  });

  it('takes up a token file that is written anew', async () => {
    const gateway = await fakeGateway(GOOD);
    const file = tokenFile(WRONG);
    const url = `ws://127.0.0.1:${gateway.port}`;
    const { probe } = exporter({ gateways: [{ name: 'studio', url, token_file: file }] });
    expect(sampleOf((await probe('studio')).series, match)).toBe(0);
    writeFileSync(file, GOOD);
    expect(sampleOf((await probe('studio')).series, match)).toBe(1);
    writeFileSync(file, WRONG);
    expect(sampleOf((await probe('studio')).series, match)).toBe(0);
  });

  it('with debug=true shows the evidence and no token', async () => {
    const gateway = await fakeGateway(GOOD);
    const url = `ws://127.0.0.1:${gateway.port}`;
    const file = tokenFile(WRONG);
    const { get } = exporter({ gateways: [{ name: 'studio', url, token_file: file }] });
    const { text, headers } = await get('/probe?target=studio&debug=true').expect(200);
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toContain('Probe of studio by the module gateway: success');
    expect(text).toContain('bad: token');
    expect(text).toContain('refuses the credential');
    expect(text).toContain('next step: ');
    expect(text).toContain('openclaw_gateway_up 1');
    expect(text).not.toContain(WRONG);
    expect(text).not.toContain(file);
  });

  it('says why where a token file cannot be read', async () => {
    const gateway = await fakeGateway(GOOD);
    const url = `ws://127.0.0.1:${gateway.port}`;
    const { get } = exporter({ gateways: [{ name: 'studio', url, token_file: '/no/such/file' }] });
    const { text } = await get('/probe?target=studio&debug=true').expect(200);
    expect(text).toMatch(/token_file \S+ cannot be read \(ENOENT\)/);
    // Whoever mends it needs to know which file; folders of a home are shortened elsewhere.
    expect(text).toContain('/no/such/file');
  });

  it('that is refused a connection is an answer', async () => {
    const { probe, probed } = exporter({
      gateways: [{ name: 'studio', url: `ws://127.0.0.1:${await freePort()}` }],
    });
    const { status, series } = await probe('studio');
    expect(status).toBe(200);
    expect(sampleOf(series, 'probe_success')).toBe(0);
    expect(stateOf(series, 'openclaw_gateway_state', 'state')).toBe('refused');
    expect(probed.counted).toEqual(['gateway failure']);
  });
});

describe('the time of a probe', () => {
  it("is the caller's: a hang is told within a second to whoever has only one", async () => {
    const hanging = await hangingPort();
    const { probe } = exporter({ gateways: [{ name: 'hung', url: `ws://127.0.0.1:${hanging.port}` }] });
    const patient = probe('hung', 10);
    const { series } = await probe('hung', 1);
    expect(stateOf(series, 'openclaw_gateway_state', 'state')).toBe('hung');
    expect(sampleOf(series, 'probe_success')).toBe(0);
    expect(sampleOf(series, 'probe_duration_seconds')).toBeLessThan(0.5);
    expect(stateOf((await patient).series, 'openclaw_gateway_state', 'state')).toBe('hung');
    await until(() => hanging.open() === 0, { what: 'no connection left open' });
  });

  it('is not waited for by a token check that takes longer: its end is seen later', async () => {
    const gateway = await fakeGateway(GOOD);
    gateway.webSocket = 'challenge_only';
    const url = `ws://127.0.0.1:${gateway.port}`;
    const { get } = exporter({ gateways: [{ name: 'slow', url, token_file: tokenFile(GOOD) }] });
    for (let round = 0; round < 3; round += 1) {
      const { text } = await get('/probe?target=slow&debug=true').set(TIMEOUT, '1').expect(200);
      expect(text).toContain('has not said yet');
      expect(text).toContain('probe_success 1');
    }
    expect(gateway.shown).toEqual([GOOD]);
  });

  it('of one that hangs is not that of the others', async () => {
    const hanging = await hangingPort();
    const gateway = await fakeGateway(GOOD);
    const dead = Array.from({ length: 60 }, (_, index) => ({
      name: `dead${index}`,
      url: `ws://127.0.0.1:${hanging.port}`,
    }));
    const { probe } = exporter({
      gateways: [...dead, { name: 'alive', url: `ws://127.0.0.1:${gateway.port}` }],
    });
    let ended = 0;
    const hangs = dead.map(async ({ name }) => {
      const { series } = await probe(name, 3);
      ended += 1;
      return sampleOf(series, 'probe_success');
    });
    await until(() => hanging.open() === dead.length, { what: 'all that hang to be asked' });
    expect(sampleOf((await probe('alive', 3)).series, 'probe_success')).toBe(1);
    expect(ended).toBe(0);
    expect(await Promise.all(hangs)).toEqual(dead.map(() => 0));
  });

  it('that is used up before a turn came is a clear answer, and the next round finds places', async () => {
    const hanging = await hangingPort();
    const dead = Array.from({ length: 200 }, (_, index) => ({
      name: `dead${index}`,
      url: `ws://127.0.0.1:${hanging.port}`,
    }));
    const { probe, probed } = exporter({ gateways: dead });
    const first = await Promise.all(dead.map(async ({ name }) => ({ name, ...(await probe(name, 2)) })));
    const busy = first.filter(({ status }) => status === 503);
    expect(busy.length).toBeGreaterThan(0);
    for (const { text } of busy) expect(text).toMatch(/^No verdict after .* too many other probes/);
    expect(probed.counted.filter((one) => one === 'gateway busy')).toHaveLength(busy.length);
    // Those that hung have places of their own from now on.
    const asked = first.filter(({ status }) => status === 200);
    expect(asked.length).toBeGreaterThan(0);
    const second = await Promise.all(asked.map(({ name }) => probe(name, 2)));
    expect(second.map(({ status }) => status)).toEqual(asked.map(() => 200));
    await until(() => hanging.open() === 0, { what: 'no connection left open' });
  });

  it('ends with the configuration', async () => {
    const hanging = await hangingPort();
    const { probe, probed } = exporter({
      gateways: [{ name: 'hung', url: `ws://127.0.0.1:${hanging.port}` }],
    });
    const cut = probe('hung');
    await until(() => hanging.open() === 1, { what: 'the probe to be under way' });
    probed.close();
    const { status, text } = await cut;
    expect(status).toBe(503);
    expect(text).toContain('replaced');
    await until(() => hanging.open() === 0, { what: 'no connection left open' });
  });
});

describe('a gateway behind TLS', () => {
  /**
   * A gateway's /healthz behind a certificate that nobody has signed; counts the requests that it could read.
   */
  async function tlsGateway() {
    const { key, cert, fingerprint } = await selfSigned();
    let requests = 0;
    let bytes = 0;
    const server = createTlsServer({ key, cert }, (_request, response) => {
      requests += 1;
      response.setHeader('content-type', 'application/json').end('{"ok":true,"status":"live"}');
    });
    server.on('secureConnection', (socket) => socket.on('data', (data) => (bytes += data.length)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { port: address.port, fingerprint, requests: () => requests, bytes: () => bytes };
  }

  const verdictOf = async (port: number, pin: string | undefined, scheme = 'wss') => {
    const { get } = exporter({
      gateways: [
        {
          name: 'secure',
          url: `${scheme}://127.0.0.1:${port}`,
          token_file: tokenFile(GOOD),
          ...(pin === undefined ? {} : { tls_fingerprint: pin }),
        },
      ],
    });
    const { text } = await get('/probe?target=secure&debug=true').expect(200);
    return text;
  };

  it.each<[string, (pin: string) => string]>([
    ['colons', (pin) => pin],
    ['lower case without colons', (pin) => pin.replaceAll(':', '').toLowerCase()],
    ['the prefix of other tools', (pin) => `sha256:${pin}`],
  ])('is known by its pinned certificate, written with %s', async (_how, write) => {
    const gateway = await tlsGateway();
    expect(await verdictOf(gateway.port, write(gateway.fingerprint), 'https')).toContain('probe_success 1');
    expect(gateway.requests()).toBeGreaterThan(0);
  });

  it('with another certificate than the pinned one is foreign, and is sent nothing', async () => {
    const gateway = await tlsGateway();
    const text = await verdictOf(gateway.port, 'ab'.repeat(32));
    expect(text).toContain('probe_success 0');
    expect(text).toContain('openclaw_gateway_state{state="foreign"} 1');
    expect(text).toContain('its TLS certificate is not the one expected');
    expect([gateway.requests(), gateway.bytes()]).toEqual([0, 0]);
  });

  it('without a pin is foreign where no authority vouches for it, and is sent nothing', async () => {
    const gateway = await tlsGateway();
    const text = await verdictOf(gateway.port, undefined);
    expect(text).toContain('openclaw_gateway_state{state="foreign"} 1');
    expect(text).toContain('not trusted');
    expect([gateway.requests(), gateway.bytes()]).toEqual([0, 0]);
  });

  it('where TLS is spoken on a port without it is foreign', async () => {
    const gateway = await fakeGateway(GOOD);
    const text = await verdictOf(gateway.port, 'ab'.repeat(32));
    expect(text).toContain('openclaw_gateway_state{state="foreign"} 1');
    expect(gateway.shown).toEqual([]);
  });
});

describe('a probe of an SSH host', () => {
  const probeSsh = async (config: unknown, name: string, env: Readonly<Record<string, string>> = {}) => {
    const { get } = exporter(config, { env });
    const { text } = await get(`/probe?module=ssh&target=${name}`).expect(200);
    expect(await promtoolComplaints(text)).toBe('');
    return parseExposition(text);
  };

  it('runs a command there, and gives the same gauges as the collector', async () => {
    const sshd = await Sshd.start();
    onTestFinished(() => sshd.remove());
    const host = { name: 'here', target: sshd.target, port: sshd.port };
    const series = await probeSsh({ ssh: { config_file: sshd.configFile, hosts: [host] } }, 'here', {
      HOME: sshd.folder,
    });
    expect(sampleOf(series, 'probe_success')).toBe(1);
    expect(sampleOf(series, 'openclaw_ssh_up', { host: 'here' })).toBe(1);
    expect(sampleOf(series, 'openclaw_ssh_phase_up', { host: 'here', phase: 'command' })).toBe(1);
  });

  it('that refuses is an answer', async () => {
    const host = { name: 'gone', target: '127.0.0.1', port: await freePort() };
    const series = await probeSsh({ ssh: { hosts: [host] } }, 'gone');
    expect(sampleOf(series, 'probe_success')).toBe(0);
    expect(sampleOf(series, 'openclaw_ssh_up', { host: 'gone' })).toBe(0);
    expect(sampleOf(series, 'openclaw_ssh_phase_up', { host: 'gone', phase: 'connect' })).toBe(0);
  });
});

describe('/sd', () => {
  const config = {
    gateways: [
      { name: 'studio', url: 'https://studio.example.net', labels: { team: 'ops' }, token_file: '/run/x' },
      { name: 'rented', url: 'ws://[fd00::1]:18789' },
    ],
    ssh: { hosts: [{ name: 'macbook', target: 'me@macbook' }] },
  };

  it('lists the gateways as http_sd wants them, with their labels and without secrets', async () => {
    const { body, headers } = await exporter(config).get('/sd').expect(200);
    expect(headers['content-type']).toContain('application/json');
    expect(body).toEqual([
      {
        targets: ['studio'],
        labels: {
          team: 'ops',
          __meta_openclaw_url: 'wss://studio.example.net:443',
          __meta_openclaw_module: 'gateway',
        },
      },
      {
        targets: ['rented'],
        labels: { __meta_openclaw_url: 'ws://[fd00::1]:18789', __meta_openclaw_module: 'gateway' },
      },
    ]);
  });

  it('lists the SSH hosts, where asked', async () => {
    const { body } = await exporter(config).get('/sd?module=ssh').expect(200);
    expect(body).toEqual([{ targets: ['macbook'], labels: { __meta_openclaw_module: 'ssh' } }]);
  });

  it('is an empty list where nothing is configured, and refuses what it does not know', async () => {
    const { get } = exporter({});
    expect((await get('/sd').expect(200)).body).toEqual([]);
    expect((await get('/sd?module=cron').expect(400)).text).toContain('gateway, ssh');
  });
});
