import { Child } from './child.ts';
import { until } from './until.ts';

const PROGRAM = `
const server = require('node:net').createServer((socket) => socket.on('error', () => socket.destroy()));
server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log('listening'));
`;

/** A port that accepts every connection and never says a word: the best imitation of a hang. */
export async function startBlackHole(port: number): Promise<Child> {
  const child = new Child(process.execPath, ['-e', PROGRAM, String(port)]);
  await until(() => child.output.includes('listening'), { what: 'the black hole to listen' });
  return child;
}
