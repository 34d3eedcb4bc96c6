/**
 * Ends with 0 while the exporter answers at EXPORTER_ADDRESS (host:port). Where web authentication is configured, the
 * demand for a password is an answer too: no secret is needed to see that somebody is at home.
 */
const ALIVE: ReadonlySet<number> = new Set([200, 401]);
const TIMEOUT_MS = 5_000;

async function isAlive(address: string): Promise<boolean> {
  try {
    const { status } = await fetch(`http://${address}/-/healthy`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return ALIVE.has(status);
  } catch {
    return false;
  }
}

process.exitCode = (await isAlive(process.env.EXPORTER_ADDRESS ?? '127.0.0.1:10789')) ? 0 : 1;
