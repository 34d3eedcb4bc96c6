import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';

/** A mail server that takes every message on loopback, without encryption or login, and keeps its text. */
export class SmtpRecorder {
  readonly mails: string[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<SmtpRecorder> {
    const server = createServer();
    const started = new SmtpRecorder(server);
    server.on('connection', (socket) => started.#serve(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let received = '';
    let mail: string[] | undefined;
    socket.setEncoding('utf8').write('220 recorder ESMTP\r\n');
    socket.on('error', () => socket.destroy());
    socket.on('data', (text: string) => {
      const lines = (received + text).split('\r\n');
      received = lines.pop() ?? '';
      for (const line of lines) mail = this.#take(line, mail, socket);
    });
  }

  /** The mail under way after a line; undefined outside one. */
  #take(line: string, mail: string[] | undefined, socket: Socket): string[] | undefined {
    if (mail !== undefined && line !== '.') {
      mail.push(line);
      return mail;
    }
    if (mail !== undefined) this.mails.push(mail.join('\n'));
    if (line === 'DATA') {
      socket.write('354 go on\r\n');
      return [];
    }
    if (line === 'QUIT') socket.end('221 bye\r\n');
    else socket.write('250 ok\r\n');
    return undefined;
  }
}
