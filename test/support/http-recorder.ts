import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came, with its path and query decoded nowhere. */
export interface RecordedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What a recorder answers. */
export interface RecorderAnswer {
  readonly status: number;
  readonly body?: string;
}

/** An HTTP server that hands every request to `answer` once its body is read. */
export class HttpRecorder {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(answer: (request: RecordedRequest) => RecorderAnswer): Promise<HttpRecorder> {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        const { status, body: text } = answer({ url: request.url ?? '', headers: request.headers, body });
        response.writeHead(status).end(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new HttpRecorder(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
