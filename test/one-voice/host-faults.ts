import { createServer } from 'node:net';
import { z } from 'zod';
import { freePort } from '../support/ports.ts';
import { Sshd } from '../support/sshd.ts';
import { SwallowingPort } from '../support/swallowing-port.ts';
import type { Stage, VoicedFault } from './stage.ts';

/** A host, by default one that is always on, reached in such a way. */
const reachHost = (way: {
  readonly target: string;
  readonly port?: number;
  readonly always_on?: boolean;
}) => ({ ssh: { hosts: [{ name: 'studio', always_on: true, ...way }] } });

/** A host that accepts, says so much, and then nothing more. */
async function reachSpeaker(stage: Stage, words: string, closes = false) {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    if (closes) socket.end(words);
    else socket.write(words);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  stage.ends.push(() => void server.close());
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return reachHost({ target: '127.0.0.1', port });
}

/** A real server after something was done to it. */
async function reachServer(stage: Stage, change: (sshd: Sshd) => Promise<void> | void) {
  const sshd = await Sshd.start();
  stage.ends.push(() => sshd.remove());
  await change(sshd);
  const { ssh } = reachHost({ target: sshd.target, port: sshd.port });
  return { ssh: { ...ssh, config_file: sshd.configFile } };
}

/** Faults of the hosts that are reached with SSH. */
export const HOST_FAULTS: readonly VoicedFault[] = [
  {
    id: 'N1',
    fault: 'a host that is always on refuses SSH',
    config: async () => {
      const host = { name: 'studio', target: '127.0.0.1', port: await freePort(), always_on: true };
      return { ssh: { hosts: [host] } };
    },
    seen: ['openclaw_ssh_up', { host: 'studio' }, 0],
  },
  {
    id: 'N3',
    fault: 'a host that is always on accepts and never speaks',
    config: (stage) => reachSpeaker(stage, ''),
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'no_banner' }, 1],
  },
  {
    id: 'N7',
    fault: 'the name of a host that is always on does not resolve',
    config: () => reachHost({ target: 'studio.invalid' }),
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'resolve_failed' }, 1],
  },
  {
    id: 'N2',
    fault: 'packets to a host that is always on are dropped',
    config: async (stage) => {
      const swallowing = await SwallowingPort.open();
      stage.ends.push(() => swallowing.close());
      return reachHost({ target: '127.0.0.1', port: swallowing.port });
    },
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'timeout' }, 1],
  },
  {
    id: 'N4',
    fault: 'a host that is always on refuses the key',
    config: (stage) => reachServer(stage, (sshd) => sshd.refuseKey()),
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'auth_denied' }, 1],
  },
  {
    id: 'N5',
    fault: 'the host key of a host has changed',
    config: (stage) => reachServer(stage, (sshd) => sshd.renewHostKey()),
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'host_key_changed' }, 1],
  },
  {
    id: 'N10',
    fault: 'a laptop that is not always on sleeps',
    config: async () => reachHost({ target: '127.0.0.1', port: await freePort(), always_on: false }),
    seen: ['openclaw_ssh_up', { host: 'studio' }, 0],
  },
  {
    id: 'N11',
    fault: 'a host that is always on waits for a person to confirm the login',
    config: (stage) => reachSpeaker(stage, '# Tailscale SSH requires an additional check.\r\n'),
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'check_pending' }, 1],
  },
  {
    id: 'N12',
    fault: 'a host that is always on refuses further connections for now',
    config: (stage) => reachSpeaker(stage, 'Exceeded MaxStartups\r\n', true),
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'throttled' }, 1],
  },
];
