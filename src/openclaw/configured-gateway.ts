import { expandHome } from '../lib/paths.ts';
import { NotedFiles } from '../lib/watched-files.ts';
import { addressOfUrl, gatewayUrl, normalFingerprint } from './address.ts';
import { type Credential, fromTokenFile } from './credentials.ts';
import type { KnownGateway } from './install.ts';

/** A gateway as the exporter's own configuration names it. */
export interface ConfiguredGateway {
  /** `ws:`, `wss:`, `http:` or `https:`. */
  readonly url: string;
  /** Absolute, or beginning with `~/`. */
  readonly token_file?: string | undefined;
  readonly auth: 'token' | 'password';
  readonly tls_fingerprint?: string | undefined;
}

/**
 * What is known of a configured gateway. Its credential comes from its own file and from nowhere else: none
 * of this machine's is ever sent there. The file is read anew when it changes. `home` is what `~` stands for.
 * Throws at once on a URL that is none.
 */
export function configuredGatewayReader(gateway: ConfiguredGateway, home: string): () => KnownGateway {
  const url = gatewayUrl(gateway.url);
  if (url === undefined) throw new Error('the URL of a gateway is none');
  const pin = gateway.tls_fingerprint === undefined ? undefined : normalFingerprint(gateway.tls_fingerprint);
  const address = { ...addressOfUrl(url), fingerprint: pin };
  const file = gateway.token_file === undefined ? undefined : expandHome(gateway.token_file, home);
  let last: { readonly files: NotedFiles; readonly known: KnownGateway } | undefined;
  return () => {
    if (last?.files.unchanged()) return last.known;
    const files = new NotedFiles();
    const problems: string[] = [];
    const credential: Credential | undefined =
      file === undefined ? undefined : fromTokenFile(file, { name: 'token_file', home }, files, problems);
    last = { files, known: { address, authMode: gateway.auth, credential, problems } };
    return last.known;
  };
}
