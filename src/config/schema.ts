import { z } from 'zod';
import { duration } from './duration.ts';

/** Collectors by name, with their default interval and timeout in milliseconds. */
export const COLLECTOR_DEFAULTS = {
  process: { intervalMs: 15_000, timeoutMs: 10_000 },
  ping: { intervalMs: 15_000, timeoutMs: 5_000 },
  token: { intervalMs: 30_000, timeoutMs: 20_000 },
  api: { intervalMs: 60_000, timeoutMs: 20_000 },
  cron: { intervalMs: 15_000, timeoutMs: 10_000 },
  ssh: { intervalMs: 30_000, timeoutMs: 25_000 },
} as const;

export type CollectorName = keyof typeof COLLECTOR_DEFAULTS;

/** An object without unknown keys, whose complaint names the keys that are allowed. */
function section<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `allowed here: ${Object.keys(shape).join(', ')}` : undefined,
  });
}

const collectorSettings = section({
  enabled: z.boolean().optional(),
  interval: duration(100).optional(),
  timeout: duration(50).optional(),
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
  /** Files by glob; `~` is the home folder. */
  path: z.string().min(1),
  success: pattern.default(/SUCCESS/),
  error: pattern.default(/ERROR/),
});

const sshHost = section({
  name: z.string().min(1).max(128),
  /** As ssh(1) takes it; resolved by `ssh -G`. */
  target: z
    .string()
    .min(1)
    .regex(/^[^-\s]\S*$/, 'a destination as ssh(1) takes it, such as me@macbook; no blanks, no leading -'),
  port: z.int().min(1).max(65_535).optional(),
  always_on: z.boolean().default(true),
  /** How often a command is run over ssh; the TCP banner is read each interval. */
  command_interval: duration(1000).default(300_000),
});

const gatewayUrl = z
  .string()
  .regex(/^(wss?|https?):\/\/[^/?#@\s]+\/?$/, 'a URL such as ws://127.0.0.1:18789, without credentials');

/** The configuration file: YAML, every key optional. */
export const fileSchema = section({
  gateway: section({
    url: gatewayUrl.optional(),
    state_dir: z.string().min(1).optional(),
    token_file: z.string().min(1).optional(),
    startup_window: duration(1000).default(300_000),
  }).prefault({}),
  cron: section({
    logs: z.array(cronLog).optional(),
    grace: duration(1000).default(600_000),
    /** How long a new job's counters show 0 before their first increment: more than one scrape interval. */
    publish_delay: duration(0).default(60_000),
    max_jobs: z.int().min(1).max(10_000).default(500),
  }).prefault({}),
  ssh: section({
    /** An ssh configuration file instead of the user's and the system's own, as `ssh -F` takes it; `~` is the home folder. */
    config_file: z.string().min(1).optional(),
    hosts: z
      .array(sshHost)
      .refine(
        (hosts) => new Set(hosts.map((host) => host.name)).size === hosts.length,
        'hosts whose names differ',
      )
      .default([]),
  }).prefault({}),
  collectors: section(
    Object.fromEntries(
      Object.keys(COLLECTOR_DEFAULTS).map((name) => [name, collectorSettings.optional()]),
    ) as Record<CollectorName, z.ZodOptional<typeof collectorSettings>>,
  ).prefault({}),
});

/** The validated configuration file; durations in milliseconds. */
export type FileConfig = z.output<typeof fileSchema>;
export type SshHostConfig = FileConfig['ssh']['hosts'][number];
export type CronLogConfig = z.output<typeof cronLog>;

/** A collector's settings after defaults; times in milliseconds. */
export interface CollectorSettings {
  readonly enabled: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Settings of one collector: the file's where it says so, else the defaults; no default outlasts the interval. */
export function collectorSettingsOf(config: FileConfig, name: CollectorName): CollectorSettings {
  const defaults = COLLECTOR_DEFAULTS[name];
  const own = config.collectors[name];
  const intervalMs = own?.interval ?? defaults.intervalMs;
  const timeoutMs = own?.timeout ?? Math.min(defaults.timeoutMs, intervalMs);
  return { enabled: own?.enabled ?? true, intervalMs, timeoutMs };
}
