import { z } from 'zod';
import { duration } from './duration.ts';
import { section } from './section.ts';

/** A collector's interval and timeout, milliseconds. */
export interface CollectorTimes {
  /** From the start of a run to that of the next, before jitter. */
  readonly intervalMs: number;
  /** For a whole run. */
  readonly timeoutMs: number;
}

/** The collectors that the configuration may name, with their defaults. */
export type CollectorDefaults = Readonly<Record<string, CollectorTimes>>;

const collectorSettings = section({
  enabled: z.boolean().describe('enable this collector').optional(),
  interval: duration(100).describe('collection interval (±10 % jitter)').optional(),
  timeout: duration(50).describe('collection timeout; at most the interval').optional(),
});

const pattern = z
  .string()
  .min(1)
  .transform((text, context) => {
    try {
      return new RegExp(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'a regular expression of JavaScript' });
      return z.NEVER;
    }
  });

const cronLog = section({
  path: z.string().min(1).describe('files by glob; `~` is the home folder'),
  success: pattern
    .optional()
    .describe(
      'regular expression of a line that ends a good run; default: SUCCESS, SUCCESSFUL or SUCCEEDED as a word that is not negated, and, where none of success, error and start is set, the status of a JSON object or the end of a started/completed pair',
    ),
  error: pattern
    .optional()
    .describe(
      'regular expression of a line that ends a failed run; default: ERROR, FAILED, FAILURE or FATAL as a word that is no count of none (`0 ERRORS`), name or plan, a negated SUCCESS, or a crash; statuses and pairs as for success',
    ),
  start: pattern
    .optional()
    .describe(
      'regular expression of a line that begins a run; a run is then what lies between it and the first success or error, and one that never ends counts as interrupted',
    ),
  duration: pattern
    .optional()
    .describe(
      'regular expression on the line that ends a run; its group 1 is how long it took: `1m30s`, `1.5 s`, `00:01:30`, or seconds',
    ),
  timestamp: pattern
    .optional()
    .describe(
      'regular expression whose group 1 is the time of a line: ISO 8601, date(1), or seconds or milliseconds since the epoch; without it the first time in the line counts',
    ),
  interval: duration(1000)
    .optional()
    .describe('how often the jobs of these logs are expected to run; without it, it is learnt'),
});

const sshHost = section({
  name: z.string().min(1).max(128).describe('the label `host` of its metrics; unique'),
  target: z
    .string()
    .min(1)
    .regex(/^[^-\s]\S*$/, 'a destination as ssh(1) takes it, such as me@macbook; no blanks, no leading -')
    .describe('as ssh(1) takes it; resolved by `ssh -G`'),
  port: z.int().min(1).max(65_535).describe("instead of ssh's own choice").optional(),
  always_on: z.boolean().default(true).describe('false for a laptop that sleeps: that is no outage'),
  command_interval: duration(1000)
    .default(300_000)
    .describe('how often a command is run over ssh; the TCP banner is read each interval'),
  token: z
    .boolean()
    .default(false)
    .describe(
      "whether an OpenClaw client there is asked, each command_interval, if its gateway.remote.token is the gateway's; the token itself never travels",
    ),
});

const URL_SHAPE = 'a URL such as ws://127.0.0.1:18789, without credentials';

const gatewayUrl = z
  .string()
  .regex(/^(wss?|https?):\/\/[^/?#@\s]+\/?$/, { error: URL_SHAPE, abort: true })
  .refine((text) => URL.canParse(text), URL_SHAPE);

const LABEL_NAMES = 'label names of Prometheus that do not begin with __';

const remoteGateway = section({
  name: z
    .string()
    .regex(/^[\w.:@-]{1,128}$/, 'a name of letters, digits and . _ : @ -, at most 128 characters')
    .describe('what `/probe?target=` calls it, and its `instance` in Prometheus; unique'),
  url: gatewayUrl.describe('the gateway, as `ws:`, `wss:`, `http:` or `https:`'),
  token_file: z
    .string()
    .min(1)
    .describe(
      "a file that holds its token (or password) alone, relative to this file's folder; without it no credential is sent",
    )
    .optional(),
  auth: z.enum(['token', 'password']).default('token').describe('what the file holds: `token` or `password`'),
  tls_fingerprint: z
    .string()
    .regex(
      /^(?:sha256:)?(?:[0-9a-f]{64}|[0-9a-f]{2}(?::[0-9a-f]{2}){31})$/i,
      'the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, with or without colons',
    )
    .describe(
      'SHA-256 fingerprint of its certificate; then this certificate counts and no other, whoever signed it',
    )
    .optional(),
  startup_window: duration(1000)
    .default(300_000)
    .describe('how long it may call itself starting before it counts as hung'),
  labels: z
    .record(z.string().regex(/^(?!__)[a-zA-Z_]\w{0,127}$/, LABEL_NAMES), z.string().max(256), {
      error: (issue) => (issue.code === 'invalid_key' ? LABEL_NAMES : undefined),
    })
    .default({})
    .describe('labels that `/sd` puts on it'),
}).superRefine(({ url, tls_fingerprint: pin }, context) => {
  if (pin === undefined || /^(?:wss|https):/.test(url)) return;
  const message = 'a wss: or https: URL, where tls_fingerprint pins a certificate';
  context.issues.push({ code: 'custom', path: ['url'], input: url, message });
});

type CollectorsShape = Readonly<Record<string, z.ZodOptional<typeof collectorSettings>>>;

/**
 * The configuration file: YAML, every key optional; `collectors` are the names that may stand under that key.
 */
export function createFileSchema(collectors: readonly string[]) {
  const settings: CollectorsShape = Object.fromEntries(
    collectors.map((name) => [name, collectorSettings.optional()]),
  );
  return section({ ...SECTIONS, collectors: section(settings).prefault({}) });
}

/** Every section but `collectors`. */
const SECTIONS = {
  gateway: section({
    url: gatewayUrl.describe('the gateway; default: as the OpenClaw CLI finds it').optional(),
    state_dir: z
      .string()
      .min(1)
      .describe("OpenClaw's state folder; default: as the OpenClaw CLI finds it")
      .optional(),
    token_file: z
      .string()
      .min(1)
      .describe(
        "a file that holds the token alone, relative to this file's folder; default: as the OpenClaw CLI finds it",
      )
      .optional(),
    startup_window: duration(1000)
      .default(300_000)
      .describe('how long a young process that does not answer yet is starting, not hung'),
  }).prefault({}),
  cron: section({
    logs: z
      .array(cronLog)
      .describe(
        "the jobs' own logs; replaces the default, `workspace/*/cron-*.log` and `workspace-*/*/cron-*.log` in the state folder",
      )
      .optional(),
    api: z
      .boolean()
      .default(false)
      .describe(
        "ask the gateway itself too (`cron.list`, `cron.runs`), as the OpenClaw CLI's paired device, whose key is then read; nothing is paired or stored for it",
      ),
    log_watch: z
      .boolean()
      .default(true)
      .describe('with 1,000 log files or more: look only at those that inotify tells of'),
    log_sweep: duration(1000)
      .default(300_000)
      .describe('how often every log file is looked at all the same, where inotify is used'),
    grace: duration(1000).default(600_000).describe('how late a run may be before it counts as missed'),
    publish_delay: duration(0)
      .default(60_000)
      .describe(
        "how long a new job's counters show 0 before their first increment: more than one scrape interval",
      ),
    max_jobs: z
      .int()
      .min(1)
      .max(10_000)
      .default(500)
      .describe('jobs with series of their own; those beyond are summed into `cron_job="_other"`'),
  }).prefault({}),
  ssh: section({
    config_file: z
      .string()
      .min(1)
      .describe(
        "an ssh configuration file instead of the user's and the system's own, as `ssh -F` takes it; `~` is the home folder",
      )
      .optional(),
    hosts: z
      .array(sshHost)
      .refine(
        (hosts) => new Set(hosts.map((host) => host.name)).size === hosts.length,
        'hosts whose names differ',
      )
      .default([])
      .describe('the machines to reach'),
  }).prefault({}),
  gateways: z
    .array(remoteGateway)
    .max(2_000)
    .refine(
      (gateways) => new Set(gateways.map(({ name }) => name)).size === gateways.length,
      'gateways whose names differ',
    )
    .default([])
    .describe('gateways elsewhere, asked by `/probe` alone'),
  heartbeat_url_file: z
    .string()
    .min(1)
    .describe(
      "a file that holds the URL of a heartbeat service alone (healthchecks.io or an Uptime Kuma push monitor), relative to this file's folder; without it nothing is sent",
    )
    .optional(),
  heartbeat_interval: duration(60_000)
    .default(60_000)
    .describe('how often the heartbeat is sent; the service alerts when it hears nothing for longer'),
};

/** The validated configuration file; durations in milliseconds. */
export type FileConfig = z.output<ReturnType<typeof createFileSchema>>;
/** An element of `ssh.hosts` after defaults. */
export type SshHostConfig = FileConfig['ssh']['hosts'][number];
/** An element of `gateways` after defaults. */
export type RemoteGatewayConfig = FileConfig['gateways'][number];

/** A collector's settings after defaults. */
export interface CollectorSettings extends CollectorTimes {
  readonly enabled: boolean;
}

/**
 * Settings of one collector: the file's where they are set, else the defaults; no
 * default outlasts the interval.
 */
export function resolveSettings(
  { collectors }: FileConfig,
  name: string,
  defaults: CollectorTimes,
): CollectorSettings {
  const own = collectors[name];
  const intervalMs = own?.interval ?? defaults.intervalMs;
  const timeoutMs = own?.timeout ?? Math.min(defaults.timeoutMs, intervalMs);
  return { enabled: own?.enabled ?? true, intervalMs, timeoutMs };
}

/**
 * The configuration with the collectors enabled or disabled as `switches` says by
 * name; all others as they were.
 */
export function switchCollectors(config: FileConfig, switches: ReadonlyMap<string, boolean>): FileConfig {
  const changed = [...switches].map(([name, enabled]) => [name, { ...config.collectors[name], enabled }]);
  return { ...config, collectors: { ...config.collectors, ...Object.fromEntries(changed) } };
}
