import { createHash } from 'node:crypto';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { selectCollectors } from '../../../src/core/collector-metrics.ts';
import type { HistorySelection } from '../../../src/diagnosis/journal/history.ts';
import { authority } from '../../../src/lib/authority.ts';
import { gauge } from '../../../src/metrics/family.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { createApp, type WebOptions } from '../../../src/web/app.ts';
import { historyUntil } from '../../support/histories.ts';
import { recordingLogger } from '../../support/logger.ts';
import { MACHINE } from '../../support/machine.ts';
import { probing } from '../../support/probing.ts';
import { targetState } from '../../support/target-state.ts';

const up = gauge('openclaw_test_up', 'A verdict.', { meaning: { absent: 'unseen' } });

/** What Prometheus sends by default, from its own requests: 2.42, 3.x with and without native histograms. */
const PROMETHEUS_ACCEPTS = [
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
];

function app(options: Partial<WebOptions> = {}) {
  const metrics = new Metrics();
  metrics.declare([up]);
  metrics.put({ collector: 'test', target: 'a' }, [up.sample(1, {})]);
  return createApp({
    telemetryPath: '/metrics',
    routePrefix: '',
    metrics,
    logger: recordingLogger(),
    version: '1.2.3',
    now: () => 60_000,
    states: () => [],
    layerSince: () => undefined,
    jobGraceMs: () => 600_000,
    ready: () => true,
    reload: undefined,
    select: () => ({ state: 'unknown', running: ['ping', 'cron'] }),
    machine: async () => MACHINE,
    exporterUrl: () => 'http://127.0.0.1:10789',
    history: async () => undefined,
    trends: () => ({ sinceMs: 60_000, ping: [], memory: [], runs: new Map() }),
    isAuthenticated: () => false,
    probing: probing(),
    ...options,
  });
}

describe('/metrics', () => {
  it.each(PROMETHEUS_ACCEPTS)('is OpenMetrics for %s', async (accept) => {
    const response = await request(app()).get('/metrics').set('Accept', accept).expect(200);
    expect(response.headers['content-type']).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores',
    );
    expect(response.text).toBe(
      '# HELP openclaw_test_up A verdict.\n# TYPE openclaw_test_up gauge\nopenclaw_test_up 1\n# EOF\n',
    );
  });

  it.each([
    ['nothing', undefined],
    ['anything', '*/*'],
    ['plain text', 'text/plain;version=0.0.4'],
    ['what a browser sends', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ['OpenMetrics as second choice', 'application/openmetrics-text;q=0.2,text/plain;q=0.5'],
    ['OpenMetrics refused', 'application/openmetrics-text;q=0,*/*'],
    ['something we do not have', 'application/json'],
    ['nonsense', ';;;,,,===q'],
  ])('is plain text for a client that accepts %s', async (_what, accept) => {
    const get = request(app()).get('/metrics');
    const response = await (accept === undefined ? get : get.set('Accept', accept)).expect(200);
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(response.text).not.toContain('# EOF');
  });

  it('is decided for each request, and says so to caches', async () => {
    const server = app();
    const types: unknown[] = [];
    for (const accept of [PROMETHEUS_ACCEPTS[0] ?? '', 'text/plain', PROMETHEUS_ACCEPTS[1] ?? '']) {
      const { headers } = await request(server).get('/metrics').set('Accept', accept);
      expect(headers.vary).toContain('Accept');
      types.push(headers['content-type']?.split(';')[0]);
    }
    expect(types).toEqual(['application/openmetrics-text', 'text/plain', 'application/openmetrics-text']);
  });

  it('answers HEAD with the headers alone', async () => {
    const response = await request(app()).head('/metrics').expect(200);
    expect(response.headers['content-type']).toContain('text/plain');
    expect(response.text ?? '').toBe('');
  });

  it.each(['?collect[]=ping&collect[]=cron', '?collect%5B%5D=cron&x=1&collect%5B%5D=ping&collect[]=cron'])(
    'with %s shows the named collectors alone',
    async (query) => {
      const asked: string[][] = [];
      const select = (names: ReadonlySet<string>) => {
        asked.push([...names].sort());
        return { state: 'selected', selection: selectCollectors([]) } as const;
      };
      const { text } = await request(app({ select })).get(`/metrics${query}`).expect(200);
      expect(text).toBe('');
      expect(asked).toEqual([['cron', 'ping']]);
    },
  );

  it.each(['?collect[]=hunter2', '?collect[]=', '?collect[]=ping&collect[]=x'])(
    'with %s is 400 and lists the collectors that are enabled, without repeating what was asked for',
    async (query) => {
      const { text } = await request(app()).get(`/metrics${query}`).expect(400);
      expect(text).toContain('enabled: ping, cron.');
      expect(text).not.toContain('hunter2');
    },
  );

  it('with any other parameter shows everything', async () => {
    const { text } = await request(app()).get('/metrics?collect=ping').expect(200);
    expect(text).toContain('openclaw_test_up 1');
  });

  it('says 500 without a reason, and logs it, when the exposition fails', async () => {
    const logger = recordingLogger();
    const metrics = new Metrics();
    metrics.chunks = () => Promise.reject(new Error('inner words'));
    const response = await request(app({ metrics, logger })).get('/metrics').expect(500);
    expect(response.text).not.toContain('inner words');
    expect(logger.lines).toMatchObject([{ level: 'error', fields: { error: 'inner words' } }]);
  });
});

describe('--web.route-prefix', () => {
  const server = () => app({ routePrefix: '/claw/of-mini', reload: async () => ({ state: 'reloaded' }) });

  it('has everything below it, and nothing beside it', async () => {
    for (const path of ['/', '/metrics', '/-/healthy', '/-/ready', '/sd']) {
      await request(server()).get(`/claw/of-mini${path}`).expect(200);
      if (path !== '/') await request(server()).get(path).expect(404);
    }
    await request(server()).post('/claw/of-mini/-/reload').expect(200);
    await request(server()).get('/claw/of-mini2/').expect(404);
    const { text } = await request(server()).get('/claw/of-mini/nothing').expect(404);
    expect(text).toBe('Not found. Try /claw/of-mini/metrics or /claw/of-mini/.\n');
  });

  it.each([
    ['/', 'claw/of-mini/'],
    ['/claw/of-mini', 'of-mini/'],
  ])('is led to from %s by a relative address, which is right behind any proxy', async (path, location) => {
    const { headers } = await request(server()).get(path).expect(302);
    expect(headers.location).toBe(location);
    expect(new URL(location, `http://mini${path}`).pathname).toBe('/claw/of-mini/');
  });
});

describe('--web.telemetry-path', () => {
  it('moves the metrics, and the link to them', async () => {
    const server = app({ telemetryPath: '/of/this.host' });
    const { text } = await request(server).get('/of/this.host').expect(200);
    expect(text).toContain('openclaw_test_up 1');
    await request(server).get('/metrics').expect(404, 'Not found. Try /of/this.host or /.\n');
    const page = await request(server).get('/').expect(200);
    expect(page.text).toContain('href="of/this.host">metrics<');
  });

  it('of / puts them in the place of the status page, as in node_exporter', async () => {
    const { text } = await request(app({ telemetryPath: '/' }))
      .get('/')
      .expect(200);
    expect(text).toContain('openclaw_test_up 1');
  });
});

describe('the status page', () => {
  it('is served as HTML that nobody keeps', async () => {
    const states = () => [targetState({ verdict: 'bad', text: 'refused' }, { atMs: 45_000 })];
    const { text } = await request(app({ states }))
      .get('/')
      .expect(200)
      .expect('Content-Type', /html/)
      .expect('Cache-Control', 'no-store');
    expect(text).toContain('refused');
    expect(text).toContain('1.2.3');
  });

  it('allows its own style and script by the hashes that they have, and nothing else', async () => {
    const { text, headers } = await request(app()).get('/');
    const hashesOf = (tag: string) =>
      [...text.matchAll(new RegExp(`<${tag}[^>]*>(.*?)</${tag}>`, 'gs'))]
        .map(([, inner = '']) => `'sha256-${createHash('sha256').update(inner).digest('base64')}'`)
        .join(' ');
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src ${hashesOf('style')}`);
    expect(policy).toContain(`script-src ${hashesOf('script')}`);
    expect(policy.join()).not.toContain('unsafe');
    expect(text).not.toMatch(/ style=| on\w+=|https?:\/\/(?!www\.w3\.org)/);
  });
});

describe('health', () => {
  it('is given from the start', async () => {
    await request(app({ ready: () => false }))
      .get('/-/healthy')
      .expect(200);
  });

  it('is not readiness: that is 503 before the first round and 200 after it', async () => {
    let finished = false;
    const server = app({ ready: () => finished });
    await request(server).get('/-/ready').expect(503);
    finished = true;
    await request(server).get('/-/ready').expect(200);
  });
});

describe('POST /-/reload', () => {
  it('is not there unless it was switched on', async () => {
    await request(app()).post('/-/reload').expect(404);
  });

  it('is refused to a page in a browser, whatever its origin', async () => {
    let reloads = 0;
    const reload = async () => {
      reloads += 1;
      return { state: 'reloaded' } as const;
    };
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:10789']) {
      await request(app({ reload })).post('/-/reload').set('Origin', origin).expect(403);
    }
    expect(reloads).toBe(0);
    await request(app({ reload })).get('/-/reload').expect(404);
    expect(reloads).toBe(0);
    await request(app({ reload })).post('/-/reload').expect(200);
    expect(reloads).toBe(1);
  });

  it('says what is wrong with the configuration', async () => {
    const reload = async () => ({ state: 'refused', problems: ['gateway.url: is wrong'] }) as const;
    const { text } = await request(app({ reload })).post('/-/reload').expect(500);
    expect(text).toContain('gateway.url: is wrong');
  });
});

describe('every answer', () => {
  it.each([
    '/',
    '/metrics',
    '/runbooks/',
    '/runbooks/OpenClawGatewayDown',
    '/-/healthy',
    '/-/ready',
    '/nothing',
  ])('from %s has its security headers', async (path) => {
    const { headers } = await request(app()).get(path);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['x-powered-by']).toBeUndefined();
  });

  it.each(['/nothing', '/metrics/x', '/-/quit', '/%', '/..%2f..%2fetc/passwd', '/probe/x', '/runbooks/x'])(
    'to %s is 404 and does not repeat the path',
    async (path) => {
      const { text } = await request(app()).get(path).expect(404);
      expect(text).not.toContain(path);
    },
  );

  it('to another method than GET is 404', async () => {
    for (const path of ['/', '/metrics', '/-/healthy']) await request(app()).post(path).expect(404);
  });
});

describe('an address', () => {
  it('is written as a URL wants it', () => {
    expect(authority({ host: '127.0.0.1', port: 1 })).toBe('127.0.0.1:1');
    expect(authority({ host: '::1', port: 1 })).toBe('[::1]:1');
  });
});

describe('/history.json', () => {
  const HISTORY = historyUntil(60_000, { from: '1970-01-01T00:00:00.000Z' });

  it.each([
    ['', { fromMs: 60_000 - 86_400_000, layer: undefined }],
    ['?since=1m&layer=token', { fromMs: 0, layer: 'token' }],
    ['?since=52w', { fromMs: 60_000 - 30 * 86_400_000 }],
  ])('%s is the journal of that time', async (query, selection) => {
    const wanted: HistorySelection[] = [];
    const history = async (one: HistorySelection) => {
      wanted.push(one);
      return HISTORY;
    };
    const response = await request(app({ history })).get(`/history.json${query}`).expect(200);
    expect(response.body).toEqual(HISTORY);
    expect(wanted).toMatchObject([{ ...selection, toMs: 60_000 }]);
  });

  it.each([false, true])(
    'shows texts of other programs only behind authentication (%s)',
    async (isAuthenticated) => {
      const details: boolean[] = [];
      const history = async ({ showsDetails }: HistorySelection) => {
        details.push(showsDetails);
        return HISTORY;
      };
      await request(app({ history, isAuthenticated: () => isAuthenticated }))
        .get('/history.json')
        .expect(200);
      expect(details).toEqual([isAuthenticated]);
    },
  );

  it('refuses what it does not know and says what it does', async () => {
    for (const query of ['since=yesterday', 'layer=ssh', 'since=1d&since=2d']) {
      const { text } = await request(app()).get(`/history.json?${query}`).expect(400);
      expect(text).toContain('such as 36h or 7d');
    }
  });

  it('says so while the journal cannot be read', async () => {
    await request(app()).get('/history.json').expect(503);
  });
});
