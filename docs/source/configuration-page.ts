import { z } from 'zod';
import { FLAG_TEXTS } from '../../src/cli/flag-texts.ts';
import { ENVIRONMENT_TEXTS } from '../../src/cli/flags.ts';
import { COLLECTOR_DEFAULTS } from '../../src/collectors/index.ts';
import { formatDuration } from '../../src/config/duration.ts';
import { createFileSchema } from '../../src/config/schema.ts';
import { webSchema } from '../../src/web/web-config.ts';
import { code, table } from './table.ts';

/** What the reference needs of a JSON schema. */
interface Schema {
  readonly type?: string | undefined;
  readonly kind?: string | undefined;
  readonly description?: string | undefined;
  readonly pattern?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly items?: Schema | undefined;
}

const schema: z.ZodType<Schema> = z.lazy(() =>
  z.object({
    type: z.string().optional(),
    kind: z.string().optional(),
    description: z.string().optional(),
    pattern: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    maxLength: z.number().optional(),
    required: z.array(z.string()).optional(),
    properties: z.record(z.string(), schema).optional(),
    items: schema.optional(),
  }),
);

/** One key of the configuration file. */
export interface ConfigKey {
  /** Dotted, with `[]` for each entry of a list. */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly fallback: unknown;
  readonly meaning: string;
}

const fileSchema = createFileSchema(Object.keys(COLLECTOR_DEFAULTS));

/** A configuration with one entry in each list, so that the defaults of their keys show. */
const SAMPLE = fileSchema.parse({
  cron: { logs: [{ path: 'sample' }] },
  ssh: { hosts: [{ name: 'sample', target: 'sample' }] },
  gateways: [{ name: 'sample', url: 'wss://sample' }],
});

/** Every key that the configuration file may hold, in the schema's order. */
export function configKeys(): ConfigKey[] {
  const root = schema.parse(z.toJSONSchema(fileSchema, { io: 'input', unrepresentable: 'any' }));
  return keysBelow(root, SAMPLE, '');
}

/** Every key of the web configuration. */
function webKeys(): ConfigKey[] {
  const root = schema.parse(z.toJSONSchema(webSchema, { io: 'input', unrepresentable: 'any' }));
  const sample = webSchema.parse({ tls_server_config: { cert_file: 'sample', key_file: 'sample' } });
  return keysBelow(root, sample, '').map((key) => (key.required ? { ...key, fallback: undefined } : key));
}

function keysBelow(node: Schema, sample: unknown, prefix: string): ConfigKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = `${prefix}${name}`;
    const value = Reflect.get(Object(sample), name);
    if (child.properties !== undefined) return keysBelow(child, value, `${path}.`);
    const required = node.required?.includes(name) ?? false;
    const own = { path, type: typeOf(child), required, fallback: value, meaning: child.description ?? '' };
    const entry = child.items?.properties === undefined ? undefined : child.items;
    if (entry === undefined) return [own];
    return [
      { ...own, fallback: undefined },
      ...keysBelow(entry, Reflect.get(Object(value), 0), `${path}[].`),
    ];
  });
}

function typeOf({ type, kind, minimum, maximum, maxLength }: Schema): string {
  if (kind !== undefined) return kind;
  if (type === 'array') return 'list';
  if (type === 'object') return 'map of texts';
  if (type === 'integer') return `whole number, ${minimum} to ${maximum}`;
  if (type === 'boolean') return 'true or false';
  return maxLength === undefined ? 'text' : `text, at most ${maxLength} characters`;
}

/**
 * Keys of exporter-toolkit's format that the web configuration refuses. Source:
 * its docs/web-configuration.md.
 */
export const REFUSED_WEB_KEYS: readonly (readonly [string, string])[] = [
  ['tls_server_config.cert', 'a certificate comes from a file, which is renewed without touching this one'],
  ['tls_server_config.key', 'a private key never stands in a configuration file; name a `key_file`'],
  ['tls_server_config.client_ca', 'as `cert`; name a `client_ca_file`'],
  [
    'tls_server_config.client_allowed_sans',
    'a client is known by its authority alone; give the clients an authority of their own',
  ],
  ['tls_server_config.cipher_suites', "Go's names; the cipher suites are OpenSSL's"],
  ['tls_server_config.prefer_server_cipher_suites', 'as `cipher_suites`'],
  ['tls_server_config.curve_preferences', "Go's names; the curves are OpenSSL's"],
  ['rate_limit', 'concurrent requests and their time are bounded in any case ([security](security.md))'],
];

/** An example that the page shows; a test reads it as the exporter does. */
export const EXAMPLE = `
cron:
  logs:
    - { path: "~/.openclaw/workspace/*/cron-*.log", success: SUCCESS, error: ERROR }
ssh:
  hosts:
    - { name: macbook, target: me@macbook, always_on: false, token: true }
`;

/** The page `docs/configuration.md`. */
export function configurationPage(): string {
  const keys = configKeys().filter(({ path }) => !path.startsWith('collectors.'));
  return `# Configuration

Made by \`npm run docs\` from the code that reads it. Beside a gateway no configuration is needed: address, state folder and token are
found as the OpenClaw CLI finds them. A secret never stands in this file.

## File

YAML, named by \`--config.file\`; every key is optional but for those in a list's entries that say required. The file is validated whole: each mistake
is told with its path, its value and what is allowed, and the exporter ends with 2. It is read again on SIGHUP (and \`POST /-/reload\` where
switched on); a bad one then changes nothing and \`openclaw_exporter_config_last_reload_successful\` is 0.
A duration is a number with a unit, such as \`500ms\`, \`30s\`, \`5m\`, \`1h30m\` or \`1d\`, at most a week.

${table(['key', 'type', 'default', 'meaning'], keys.map(keyRow))}

An example: logs of jobs that the system's crontab runs, and a laptop over SSH whose client should hold the same token. Without
\`always_on: false\` a laptop that sleeps would page.

\`\`\`yaml
${EXAMPLE.trim()}
\`\`\`

For each collector \`NAME\` of the table below:

${table(['key', 'type', 'meaning'], collectorRows())}

${table(
  ['collector', '`interval`', '`timeout`'],
  Object.entries(COLLECTOR_DEFAULTS).map(([name, { intervalMs, timeoutMs }]) => [
    code(name),
    formatDuration(intervalMs),
    formatDuration(timeoutMs),
  ]),
)}

A default timeout is shortened to an interval that is shorter.

## Flags

${table(
  ['flag', 'default', 'meaning'],
  FLAG_TEXTS.map(({ flag, help, default: fallback }) => [code(flag), code(fallback ?? ''), help]),
)}

\`/metrics?collect[]=NAME&collect[]=NAME\` shows these collectors alone, so that one job of Prometheus can scrape some of them more often than
another: their metrics and their \`openclaw_exporter_collector_*\`, nothing of the exporter as a whole. A name that is unknown or disabled is
answered with 400 and the names that are enabled. In Prometheus: \`params: { "collect[]": [ping, process] }\`.

Behind a reverse proxy that serves the exporter below a path: \`--web.external-url=https://mini.example.org/openclaw\` puts every page below
\`/openclaw\`, for a proxy that passes the path on (nginx: \`location /openclaw { proxy_pass http://127.0.0.1:10789; }\`); Prometheus then scrapes
\`metrics_path: /openclaw/metrics\`. For one that takes the path away (\`location /openclaw/ { proxy_pass http://127.0.0.1:10789/; }\`) add
\`--web.route-prefix=/\`. Links and redirects are relative and hold in both. On loopback without
authentication the exporter answers requests for \`127.0.0.1\` and \`localhost\` alone: leave the \`Host\` header as nginx sets it.

With \`--web.systemd-socket\` a socket unit with \`ListenStream=127.0.0.1:10789\` opens the port, several of them several; only TCP. The rules on
addresses beyond loopback stay. TLS begins, ends or changes its client certificates then by a restart alone; new certificates and
passwords count at once as ever.

The shell completes commands, flags and their values with \`source <(openclaw-gateway-exporter completion bash)\` (or \`zsh\`) in its start-up
file; in fish with \`openclaw-gateway-exporter completion fish | source\`.

## Web configuration

YAML in the format of Prometheus' exporter-toolkit, named by \`--web.config.file\`; files in it are relative to its folder. It and its files
are looked at with each connection and request, so that a renewed certificate or a changed password counts at once; a mistake is logged
and changes nothing. See [security](security.md).

${table(['key', 'type', 'default', 'meaning'], webKeys().map(keyRow))}

What the toolkit knows beside these is refused by name, for a promise that is not kept is worse than a mistake at start:

${table(
  ['key', 'why it is refused'],
  REFUSED_WEB_KEYS.map(([key, reason]) => [code(key), reason]),
)}

\`\`\`yaml
tls_server_config: { cert_file: exporter.crt, key_file: exporter.key }
basic_auth_users:
  prometheus: $2y$10$...   # htpasswd -nBC 10 "" | tr -d ":"
\`\`\`

## Environment

OpenClaw's own variables, as its CLI reads them:

${table(
  ['variable', 'meaning'],
  ENVIRONMENT_TEXTS.map(([name, text]) => [code(name), text]),
)}
`;
}

function keyRow({ path, type, required, fallback, meaning }: ConfigKey): string[] {
  return [code(path), type, required ? 'required' : code(fallbackText(type, fallback)), meaning];
}

function collectorRows(): string[][] {
  const prefix = `collectors.${Object.keys(COLLECTOR_DEFAULTS)[0]}.`;
  return configKeys()
    .filter(({ path }) => path.startsWith(prefix))
    .map(({ path, type, meaning }) => [code(`collectors.NAME.${path.slice(prefix.length)}`), type, meaning]);
}

function fallbackText(type: string, value: unknown): string {
  if (value === undefined) return '';
  if (value instanceof RegExp) return value.source;
  if (type === 'map of texts') return '';
  return type === 'duration' && typeof value === 'number' ? formatDuration(value) : String(value);
}
