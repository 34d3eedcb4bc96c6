import { createServer } from 'node:net';
import { z } from 'zod';
import { PHASES, play } from './hostile-answers.ts';

/**
 * A program: a host that never behaves, in a process of its own, so that what it does costs the one that is
 * watched nothing. Its parent tells it what to play from now on; that is told back when it counts.
 */
const order = z.object({ phase: z.enum(PHASES), seed: z.number() });
let current: z.output<typeof order> = { phase: 'http', seed: 0 };
const open = new Set<{ destroy(): unknown }>();

const server = createServer({ noDelay: true }, (socket) => {
  open.add(socket);
  socket.once('close', () => open.delete(socket));
  play(socket, current.phase, current.seed);
});
process.on('message', (message) => {
  for (const socket of open) socket.destroy();
  current = order.parse(message);
  process.send?.(current);
});
process.on('disconnect', () => process.exit());
server.listen(Number(process.env.HOSTILE_PORT ?? 0), '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});
