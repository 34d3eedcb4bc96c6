import { dirname, resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import { z } from 'zod';
import { addFile, type ConfigProblem, validateYaml } from '../config/load.ts';
import { section } from '../config/section.ts';
import { codeOf } from '../lib/errors.ts';
import { stampOf } from '../lib/file-stamp.ts';
import { explainFileError, readRegularSync } from '../lib/regular-file.ts';

const CLIENT_AUTH_TYPES = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;
type ClientAuthType = (typeof CLIENT_AUTH_TYPES)[number];

const TLS_VERSIONS = { TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;
const HEADERS = [
  'Content-Security-Policy',
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
] as const;
/** A second or so a comparison; more only helps those who want to keep the exporter busy. */
const MAX_COST = 14;
/** Of each file; a bundle of all public authorities has a quarter of it. */
const MAX_BYTES = 1024 * 1024;
const HASH =
  'a bcrypt hash of cost 4 to 14, as `htpasswd -nBC 10 "" | tr -d ":"` prints it; never the password';

const file = z.string().min(1);
const version = z.enum(['TLS12', 'TLS13']);

const tlsSection = section({
  cert_file: file.describe('certificate, with its chain, as PEM'),
  key_file: file.describe('its private key, as PEM'),
  client_ca_file: file.optional().describe('authorities whose client certificates count, as PEM'),
  client_auth_type: z
    .enum(CLIENT_AUTH_TYPES)
    .default('NoClientCert')
    .describe('whether a client needs a certificate'),
  min_version: version.default('TLS12').describe('oldest TLS version that is spoken'),
  max_version: version.default('TLS13').describe('newest TLS version that is spoken'),
}).superRefine(({ client_auth_type: type, client_ca_file: ca, min_version, max_version }, context) => {
  const complain = (key: string, input: unknown, message: string) =>
    context.issues.push({ code: 'custom', path: [key], input, message });
  if (type.includes('Verify') && ca === undefined) {
    complain('client_ca_file', undefined, `a file of authorities, which ${type} needs`);
  }
  if (ca !== undefined && !type.includes('Verify')) {
    complain(
      'client_auth_type',
      type,
      'VerifyClientCertIfGiven or RequireAndVerifyClientCert, beside a client_ca_file',
    );
  }
  if (min_version > max_version) complain('min_version', min_version, `at most max_version, ${max_version}`);
});

const bcryptHash = z.string().refine((text) => {
  const cost = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text)?.[1];
  return cost !== undefined && Number(cost) >= 4 && Number(cost) <= MAX_COST;
}, HASH);

/** The format of Prometheus' exporter-toolkit, as far as this server can keep what it promises. */
export const webSchema = section({
  tls_server_config: tlsSection.optional().describe('serve HTTPS'),
  http_server_config: section({
    http2: z.boolean().optional().describe('allowed for compatibility; HTTP/1.1 is spoken in any case'),
    headers: z
      .partialRecord(z.enum(HEADERS), z.string().regex(/^[\x20-\x7e]{1,1024}$/, 'printable ASCII'), {
        error: (issue) => (issue.code === 'invalid_key' ? `one of ${HEADERS.join(', ')}` : undefined),
      })
      .default({})
      .describe('headers of every answer'),
  }).prefault({}),
  basic_auth_users: z
    .record(z.string().regex(/^[^:\p{Cc}]{1,128}$/u, 'a user name without a colon'), bcryptHash)
    .default({})
    .describe('users by name, each with the bcrypt hash of its password'),
});
type WebFile = z.output<typeof webSchema>;

/** How to serve, with all files read. */
export interface WebConfig {
  /** Undefined: plain HTTP. */
  readonly tls: TlsOptions | undefined;
  readonly clientAuth: ClientAuthType;
  readonly headers: ReadonlyMap<string, string>;
  readonly users: ReadonlyMap<string, string>;
  /** Whether whoever gets an answer has shown a password or a certificate first. */
  readonly authenticates: boolean;
}

/** A web configuration that can be used whole, or each of its mistakes. */
export type WebConfigOutcome =
  | { readonly state: 'valid'; readonly web: WebConfig }
  | { readonly state: 'invalid'; readonly problems: readonly ConfigProblem[] };

/** Without a file: plain HTTP, and nobody is asked who they are. */
const OPEN: WebConfig = {
  tls: undefined,
  clientAuth: 'NoClientCert',
  headers: new Map(),
  users: new Map(),
  authenticates: false,
};

/** The web configuration together with the files it names, so that a change of any of them is noticed. */
export class WebConfigFile {
  readonly #path: string | undefined;
  readonly #marks = new Map<string, string>();
  /**
   * Whether it has ever said anything: an editor that empties a file before it
   * writes must not open the server.
   */
  #wasFilled = false;

  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** Whether a file changed since the last {@link WebConfigFile.load}; costs a `stat` a file. */
  get changed(): boolean {
    for (const [path, mark] of this.#marks) if (stampOf(path) !== mark) return true;
    return false;
  }

  /** Reads everything anew. Never throws. */
  load(): WebConfigOutcome {
    this.#marks.clear();
    if (this.#path === undefined) return { state: 'valid', web: OPEN };
    const read = this.#read(this.#path);
    if (read.state === 'failed') {
      const message = `cannot be read (${read.reason}); --web.config.file wants a readable YAML file`;
      return { state: 'invalid', problems: [{ path: this.#path, message }] };
    }
    if (isEmpty(read.text) && this.#wasFilled) {
      const message =
        'it is empty, and was not before; --web.config.file wants to be replaced whole, or removed with a restart';
      return { state: 'invalid', problems: [{ path: this.#path, message }] };
    }
    const parsed = validateYaml(read.text, webSchema);
    if (parsed.state === 'invalid') return { ...parsed, problems: addFile(parsed.problems, this.#path) };
    this.#wasFilled ||= !isEmpty(read.text);
    return this.#build(parsed.value, dirname(this.#path));
  }

  #build(content: WebFile, folder: string): WebConfigOutcome {
    const { basic_auth_users: users, http_server_config: http, tls_server_config: tls } = content;
    const problems: ConfigProblem[] = [];
    const clientAuth = tls?.client_auth_type ?? 'NoClientCert';
    const options = tls === undefined ? undefined : this.#tls(tls, folder, problems);
    if (problems.length > 0) return { state: 'invalid', problems };
    const web: WebConfig = {
      tls: options,
      clientAuth,
      headers: new Map(Object.entries(http.headers)),
      users: new Map(Object.entries(users)),
      authenticates: Object.keys(users).length > 0 || clientAuth === 'RequireAndVerifyClientCert',
    };
    return { state: 'valid', web };
  }

  #tls(
    tls: NonNullable<WebFile['tls_server_config']>,
    folder: string,
    problems: ConfigProblem[],
  ): TlsOptions {
    const content = (key: 'cert_file' | 'key_file' | 'client_ca_file'): string | undefined => {
      const name = tls[key];
      if (name === undefined) return undefined;
      const read = this.#read(resolve(folder, name));
      if (read.state === 'read') return read.text;
      const message = `the file cannot be read (${read.reason}); allowed: a readable PEM file, relative to this file's folder`;
      problems.push({ path: `tls_server_config.${key}`, message });
      return undefined;
    };
    const [cert, key, ca] = [content('cert_file'), content('key_file'), content('client_ca_file')];
    const context: SecureContextOptions = {
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(ca === undefined ? {} : { ca }),
      minVersion: TLS_VERSIONS[tls.min_version],
      maxVersion: TLS_VERSIONS[tls.max_version],
    };
    if (problems.length === 0) problems.push(...contextProblems(context));
    const type = tls.client_auth_type;
    return {
      ...context,
      requestCert: type !== 'NoClientCert',
      rejectUnauthorized: type === 'RequireAndVerifyClientCert',
    };
  }

  #read(path: string) {
    this.#marks.set(path, stampOf(path));
    try {
      return { state: 'read', text: readRegularSync(path, MAX_BYTES) } as const;
    } catch (error) {
      return { state: 'failed', reason: explainFileError(error) } as const;
    }
  }
}

/** Whether a YAML text holds nothing but blanks, comments and the marks of a document. */
function isEmpty(text: string): boolean {
  return text.split('\n').every((line) => /^(?:#.*|---|\.\.\.)?$/.test(line.trim()));
}

/** OpenSSL's own words may hold parts of what it read, so its code has to do. */
function contextProblems(context: SecureContextOptions): ConfigProblem[] {
  try {
    createSecureContext(context);
    return [];
  } catch (error) {
    const message = `certificate and key do not make a server (${codeOf(error) ?? 'not PEM'}); allowed: a PEM certificate and its own key, without a passphrase`;
    return [{ path: 'tls_server_config', message }];
  }
}
