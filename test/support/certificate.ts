import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './run.ts';
import { tempFolder } from './temp-folder.ts';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** SHA-256 in colon form. */
  readonly fingerprint: string;
}

/** A self-signed certificate for localhost, made by openssl. */
export async function selfSigned(): Promise<Certificate> {
  const folder = tempFolder();
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const files = ['-keyout', keyFile, '-out', certFile];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await command('openssl', ['req', '-x509', ...kind, '-subj', '/CN=localhost', ...files]);
  const cert = readFileSync(certFile, 'utf8');
  return {
    key: readFileSync(keyFile, 'utf8'),
    cert,
    fingerprint: new X509Certificate(cert).fingerprint256,
  };
}
