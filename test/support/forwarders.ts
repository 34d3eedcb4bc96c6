import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

/** A program that holds a port and passes on what comes. */
export interface Forwarder {
  readonly port: number;
  readonly child: Child;
}

/** A real nginx before a port of this machine; `lines` go into its location. */
export async function startNginx(root: string, to: number, lines = ''): Promise<Forwarder> {
  const port = await freePort();
  const folder = join(root, `nginx-${port}`);
  mkdirSync(folder, { recursive: true });
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const config = `
daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events {}
http {
  access_log off; ${paths.join(' ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $http_host; ${lines}
    }
  }
}`;
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, config);
  const child = new Child('nginx', ['-c', file, '-p', folder, '-e', 'stderr']);
  await untilListening(port, child);
  return { port, child };
}

/**
 * A program that passes connections on byte for byte, as `ssh -L` does: it accepts, and
 * closes where nothing listens.
 */
export async function startTunnel(to: number): Promise<Forwarder> {
  const port = await freePort();
  const child = new Child('socat', [
    `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`,
    `TCP:127.0.0.1:${to}`,
  ]);
  await untilListening(port, child);
  return { port, child };
}

async function untilListening(port: number, child: Child): Promise<void> {
  await until(
    async () => {
      if (child.ended !== undefined) throw new Error(`it ended: ${child.output}`);
      // Any answer and any end of a connection show that something accepts it.
      const outcome = await fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error);
      return !(outcome instanceof Error) || !JSON.stringify(outcome.cause ?? '').includes('ECONNREFUSED');
    },
    { what: `a forwarder to listen on port ${port}` },
  );
}
