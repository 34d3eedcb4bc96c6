import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { ListenAddress } from '../../config/listen.ts';
import { NotedFiles } from '../../lib/watched-files.ts';

/** Units and agents of this exporter, of whatever name. */
const SERVICE_FILE =
  /^(?:openclaw-gateway-exporter(?:-[a-z0-9-]+)?\.service|ai\.openclaw\.gateway-exporter.*\.plist)$/;
const PORT = /--web\.listen-address=[^"<\s]*:(\d{1,5})/g;
/** Such a file has some kilobytes. */
const MAX_BYTES = 64 * 1024;
/** More exporters than this run on no machine. */
const MAX_TRIES = 200;

/**
 * Where the service of `file` is to listen: on the port that it has already, else on the first one above the
 * default that no other service beside it names and that is free now; the default itself where there is none.
 */
export async function chooseListenAddress(file: string, byDefault: ListenAddress): Promise<ListenAddress> {
  const ports = readPorts(dirname(file));
  const [own] = ports.get(basename(file)) ?? [];
  if (own !== undefined) return { ...byDefault, port: own };
  const taken = new Set([...ports.values()].flat());
  for (let port = byDefault.port + 1; port <= byDefault.port + MAX_TRIES; port += 1) {
    const listen = { ...byDefault, port };
    if (!taken.has(port) && (await isFree(listen))) return listen;
  }
  return byDefault;
}

function readPorts(folder: string): ReadonlyMap<string, readonly number[]> {
  const files = new NotedFiles();
  const ports = new Map<string, readonly number[]>();
  for (const name of files.list(folder).filter((one) => SERVICE_FILE.test(one))) {
    const read = files.read(join(folder, name), MAX_BYTES);
    const found = read.state === 'read' ? [...read.text.matchAll(PORT)] : [];
    if (found.length > 0)
      ports.set(
        name,
        found.map(([, port]) => Number(port)),
      );
  }
  return ports;
}

function isFree({ host, port }: ListenAddress): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, host, () => server.close(() => resolve(true)));
  return promise;
}
