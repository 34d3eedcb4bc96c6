import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

/**
 * How long Prometheus goes on sending an alert that has ended; a constant of the
 * program that no flag changes.
 */
const RESOLVED_RETENTION_MS = 15 * 60_000;

const postedAlerts = z.array(z.object({ endsAt: z.string().optional() }).loose());

/**
 * Stands between Prometheus and Alertmanager and passes alerts on. It drops what ended longer ago than
 * Prometheus would still send if that constant, too, were divided by the acceleration; else each "resolved"
 * would be sent again for hours of a story, and hide what a silence swallows.
 */
export class AlertRelay {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(alertmanagerUrl: string, acceleration: number): Promise<AlertRelay> {
    const retentionMs = RESOLVED_RETENTION_MS / acceleration;
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        const alerts = postedAlerts.parse(JSON.parse(body));
        const fresh = alerts.filter(({ endsAt }) => !hasEndedBefore(endsAt, Date.now() - retentionMs));
        void passOn(alertmanagerUrl + (request.url ?? ''), fresh).then((status) =>
          response.writeHead(status).end(),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new AlertRelay(server);
  }

  /** host:port */
  get address(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function hasEndedBefore(endsAt: string | undefined, limit: number): boolean {
  return endsAt !== undefined && Date.parse(endsAt) < limit;
}

async function passOn(url: string, alerts: readonly unknown[]): Promise<number> {
  if (alerts.length === 0) return 200;
  const headers = { 'content-type': 'application/json' };
  try {
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(alerts) })).status;
  } catch {
    return 502;
  }
}
