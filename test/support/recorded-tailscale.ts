import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RECORDED = join(import.meta.dirname, '..', 'fixtures', 'tailscale', '1.98-running.json');

/**
 * Puts a `tailscale` there that tells of a recorded tailnet, since a real one wants an
 * account. Returns the folder.
 */
export function tailscaleIn(bin: string): string {
  mkdirSync(bin);
  writeFileSync(join(bin, 'tailscale'), `#!/bin/sh\nexec cat '${RECORDED}'\n`, { mode: 0o755 });
  return bin;
}
