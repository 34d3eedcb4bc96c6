import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { compareSync } from 'bcryptjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { FLAG_TEXTS } from '../../../src/cli/flag-texts.ts';
import { duration } from '../../../src/config/duration.ts';
import { Child } from '../../support/child.ts';
import { freePort } from '../../support/ports.ts';
import { rememberSecret } from '../../support/secrets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const COMPOSE = 'docker-compose';
const DISABLE_WARNING = '--disable-warning=ExperimentalWarning';
const hasCompose = spawnSync(COMPOSE, ['--version']).status === 0;
const why = hasCompose ? '' : ' (skipped: docker-compose is not installed)';

const parseDuration = duration(0);
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const volume = z.union([
  z.string().transform((short) => {
    const [source = '', target = '', mode = ''] = short.split(':');
    return { source, target, readOnly: mode === 'ro' };
  }),
  z
    .object({ source: z.string(), target: z.string(), read_only: z.boolean() })
    .transform(({ source, target, read_only }) => ({ source, target, readOnly: read_only })),
]);
const service = z.object({
  image: z.string(),
  build: z.string().optional(),
  user: z.string(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(volume),
  network_mode: z.string().optional(),
  pid: z.string().optional(),
  healthcheck: z.object({ test: z.array(z.string()).optional() }).optional(),
});
const stack = z
  .object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
  .parse(parse(text('docker-compose.yml'), { merge: true }));
const services = Object.entries(stack.services);

function named(name: string) {
  const found = stack.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

/**
 * What stands where a container sees `path`: the file of this repository, or undefined for a named volume.
 */
function fileSeenAt(name: string, path: string): string | undefined {
  const mount = named(name).volumes.find(({ target }) => path === target || path.startsWith(`${target}/`));
  if (mount === undefined) throw new Error(`${name} has nothing mounted at ${path}`);
  return mount.source.startsWith('./')
    ? join(ROOT, mount.source, path.slice(mount.target.length))
    : undefined;
}

function flagOf(name: string, flag: string): string {
  const prefix = `--${flag}=`;
  const found = named(name).command.find((one) => one.startsWith(prefix));
  if (found === undefined) throw new Error(`${name} has no ${flag}`);
  return found.slice(prefix.length);
}

/** The exporter's own default port. */
function defaultPort(): string {
  const flag = FLAG_TEXTS.find((one) => one.flag.startsWith('--web.listen-address'));
  return flag?.default?.split(':')[1] ?? '';
}

const prometheusConfig = z
  .object({
    alerting: z.object({
      alertmanagers: z.array(
        z.object({ static_configs: z.array(z.object({ targets: z.array(z.string()) })) }),
      ),
    }),
    scrape_configs: z.array(
      z.object({
        job_name: z.string(),
        basic_auth: z.object({ username: z.string(), password_file: z.string() }).optional(),
        static_configs: z.array(z.object({ targets: z.array(z.string()) })).optional(),
        file_sd_configs: z.array(z.object({ files: z.array(z.string()) })).optional(),
      }),
    ),
  })
  .parse(parse(text('docker/prometheus.yml')));
const scrapeOf = (job: string) => prometheusConfig.scrape_configs.find((one) => one.job_name === job);

describe.skipIf(!hasCompose)(`docker-compose${why}`, () => {
  it('accepts the stack', () => {
    const env = { PATH: process.env.PATH ?? '', HOME: tempFolder() };
    const printed = execFileSync(COMPOSE, ['-f', join(ROOT, 'docker-compose.yml'), 'config', '--services'], {
      env,
      encoding: 'utf8',
    });
    expect(printed.trim().split('\n').sort()).toEqual(services.map(([name]) => name).sort());
  });
});

describe('the stack', () => {
  it('names an exact version of every image', () => {
    const foreign = services.filter(([, { build }]) => build === undefined).map(([, { image }]) => image);
    const bases = [...text('Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
    for (const image of [...foreign, ...bases])
      expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+(?:-[\w.-]+)?$/);
    const own = services.filter(([, { build }]) => build !== undefined).map(([, { image }]) => image);
    expect(new Set(own).size).toBe(1);
  });

  it('mounts only what is in the repository, on the host or a named volume, and every volume is used', () => {
    const used = new Set<string>();
    for (const [, { volumes }] of services) {
      for (const { source } of volumes) {
        if (source.startsWith('./')) expect(existsSync(join(ROOT, source)), source).toBe(true);
        else if (/^[\w-]+$/.test(source)) used.add(source);
        else expect(['${HOME}/.openclaw', '/etc/passwd']).toContain(source);
      }
    }
    expect([...used].sort()).toEqual(Object.keys(stack.volumes).sort());
  });

  it('lets nobody write but to its own volume, and nobody be root but for making the secrets', () => {
    for (const [name, { read_only, cap_drop, security_opt, user, volumes }] of services) {
      expect(read_only, name).toBe(true);
      expect(cap_drop, name).toEqual(['ALL']);
      expect(security_opt, name).toContain('no-new-privileges:true');
      expect(user.startsWith('0:'), name).toBe(name === 'secrets');
      const writable = volumes.filter(({ readOnly }) => !readOnly).map(({ source }) => source);
      expect(writable, name).toEqual(name === 'secrets' ? ['secrets', 'exporter-data'] : [`${name}-data`]);
    }
  });

  it('is reached from this machine alone', () => {
    for (const [name, { ports }] of services) {
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
    }
  });

  it('asks the exporter at its own port, with the password that was made for it', () => {
    const scrape = scrapeOf('openclaw');
    expect(text('docker/make-secrets.ts')).toContain(`'host.docker.internal:${defaultPort()}'`);
    const listen = flagOf('exporter', 'web.listen-address');
    expect(listen).toMatch(new RegExp(`:${defaultPort()}\\}$`));
    expect(named('exporter').environment.EXPORTER_ADDRESS).toBe(listen);
    expect(text('Dockerfile')).toContain(`EXPOSE ${defaultPort()}\n`);
    expect(text('Dockerfile')).toContain(`EXPORTER_ADDRESS=127.0.0.1:${defaultPort()}\n`);
    expect(text('docker/healthcheck.ts')).toContain(`'127.0.0.1:${defaultPort()}'`);
    const [secretsFolder = '', storage = ''] = named('secrets').command;
    expect(scrape?.file_sd_configs).toEqual([{ files: [`${secretsFolder}/openclaw-targets.json`] }]);
    expect(scrape?.basic_auth?.password_file).toBe(`${secretsFolder}/exporter-password`);
    expect(flagOf('exporter', 'web.config.file')).toBe(`${secretsFolder}/exporter-web.yml`);
    expect(flagOf('exporter', 'storage.path')).toBe(storage);
    expect(named('grafana').environment.GF_SECURITY_ADMIN_PASSWORD__FILE).toBe(
      `${secretsFolder}/grafana-admin-password`,
    );
  });

  it('uses only flags that the exporter has', () => {
    const known = FLAG_TEXTS.map(({ flag }) => flag.split('=')[0]);
    for (const flag of named('exporter').command) expect(known).toContain(flag.split('=')[0]);
  });

  it('gives every program the configuration it is told of', () => {
    for (const name of ['prometheus', 'alertmanager']) {
      const seen = fileSeenAt(name, flagOf(name, 'config.file'));
      expect(seen !== undefined && existsSync(seen), name).toBe(true);
    }
    const rules = fileSeenAt('prometheus', '/etc/prometheus/rules') ?? '';
    expect(readdirSync(rules).filter((file) => file.endsWith('.yml')).length).toBeGreaterThan(0);
    // The key files that alertmanager.yml names lie in the folder that is mounted there.
    for (const [, file = ''] of text('prometheus/alertmanager.yml').matchAll(/_file: (\S+)/g)) {
      expect(fileSeenAt('alertmanager', file)).toContain('docker/receivers');
    }
  });

  it('joins Prometheus, Alertmanager and Grafana by the ports they have', () => {
    const alertmanagers = prometheusConfig.alerting.alertmanagers.flatMap(({ static_configs }) =>
      static_configs.flatMap(({ targets }) => targets),
    );
    expect(alertmanagers).toEqual(['alertmanager:9093']);
    expect(scrapeOf('alertmanager')?.static_configs?.[0]?.targets).toEqual(alertmanagers);
    const source = parse(text('grafana/provisioning/datasources/prometheus.yml'));
    expect(source.datasources[0].url).toBe('http://prometheus:9090');
    for (const [name, port] of [
      ['prometheus', '9090'],
      ['alertmanager', '9093'],
      ['grafana', '3000'],
    ] as const) {
      expect(named(name).ports).toEqual([`127.0.0.1:${port}:${port}`]);
      expect(named(name).healthcheck?.test?.join(' ')).toContain(`http://127.0.0.1:${port}/`);
    }
  });

  it('shows Grafana its dashboards where the provisioning looks for them', () => {
    const provider = parse(text('grafana/provisioning/dashboards/openclaw.yml')).providers[0];
    const seen = fileSeenAt('grafana', provider.options.path) ?? '';
    expect(readdirSync(seen).filter((file) => file.endsWith('.json')).length).toBeGreaterThan(0);
    const home = named('grafana').environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? '';
    expect(existsSync(fileSeenAt('grafana', home) ?? '')).toBe(true);
  });

  it('restores alerts after a restart of Prometheus that takes ten minutes', () => {
    const flag = (name: string) => parseDuration.parse(flagOf('prometheus', `rules.alert.${name}`));
    // Alertmanager keeps an alert for four times the delay, and it may have been sent a whole delay before
    // the gap of ten minutes; a page's `for` of three, and three evaluations, may follow.
    expect(3 * flag('resend-delay')).toBeGreaterThan((10 + 3 + 1.5) * 60_000);
    expect(flag('for-grace-period')).toBe(0);
    expect(flag('for-outage-tolerance')).toBeGreaterThan(10 * 60_000);
  });

  it('has a Prometheus configuration that promtool accepts', () => {
    execFileSync('promtool', ['check', 'config', '--syntax-only', join(ROOT, 'docker/prometheus.yml')]);
  });

  it('has an image of what the build needs, and of nothing that a .dockerignore keeps out', () => {
    const allowed = text('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = [...text('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    expect(copied.length).toBeGreaterThan(0);
    for (const file of copied) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      expect(
        allowed.some((one) => one === file || (one === 'docker/*.ts' && /^docker\/[\w-]+\.ts$/.test(file))),
      ).toBe(true);
    }
  });
});

describe('making the secrets', () => {
  const make = (folder: string, env: NodeJS.ProcessEnv = {}) =>
    execFileSync(
      process.execPath,
      [
        DISABLE_WARNING,
        join(ROOT, 'docker/make-secrets.ts'),
        join(folder, 'secrets'),
        join(folder, 'storage'),
      ],
      { encoding: 'utf8', env: { OPENCLAW_UID: String(process.getuid?.() ?? 0), ...env } },
    );
  const read = (folder: string, name: string) => readFileSync(join(folder, 'secrets', name), 'utf8');
  const NAMES = ['exporter-password', 'exporter-web.yml', 'grafana-admin-password', 'openclaw-targets.json'];

  it('gives Prometheus the password of which the exporter has the hash', () => {
    const folder = tempFolder();
    const printed = make(folder);
    const password = read(folder, 'exporter-password');
    rememberSecret(password);
    const { basic_auth_users: users } = parse(read(folder, 'exporter-web.yml'));
    expect(Object.keys(users)).toEqual([scrapeOf('openclaw')?.basic_auth?.username]);
    expect(compareSync(password, users.prometheus)).toBe(true);
    expect(printed).not.toContain(password);
    expect(readdirSync(join(folder, 'secrets')).sort()).toEqual(NAMES);
  });

  it("gives Prometheus its target, with the host's name as instance unless another is set", () => {
    const folder = tempFolder();
    const instanceNow = () => JSON.parse(read(folder, 'openclaw-targets.json'))[0].labels.instance;
    make(folder);
    expect(instanceNow()).toBe(hostname());
    make(folder, { OPENCLAW_INSTANCE: 'mac-mini' });
    expect(instanceNow()).toBe('mac-mini');
  });

  it('lets each be read by its owner alone', () => {
    const folder = tempFolder();
    make(folder);
    for (const name of NAMES) expect(statSync(join(folder, 'secrets', name)).mode & 0o777).toBe(0o400);
    expect(statSync(join(folder, 'storage')).mode & 0o777).toBe(0o700);
  });

  it('changes nothing when it runs again', () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'secrets'));
    make(folder);
    const before = NAMES.map((name) => read(folder, name));
    make(folder);
    expect(NAMES.map((name) => read(folder, name))).toEqual(before);
  });
});

describe('the health check of the image', () => {
  async function check(port: number): Promise<number | NodeJS.Signals> {
    const env = { EXPORTER_ADDRESS: `127.0.0.1:${port}` };
    return new Child(process.execPath, [DISABLE_WARNING, join(ROOT, 'docker/healthcheck.ts')], { env })
      .exited;
  }

  it('fails where nobody listens', async () => {
    expect(await check(await freePort())).toBe(1);
  });

  it.each([
    [500, 1],
    [503, 1],
    [200, 0],
    [401, 0],
  ])('of an answer %i ends with %i', async (status, code) => {
    const port = await freePort();
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/-/healthy' ? status : 404).end();
    });
    onTestFinished(() => {
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect(await check(port)).toBe(code);
  });
});
