import { Agent, get } from 'node:http';

/**
 * A program of its own, so that asking costs the asked one nothing: `URL CONNECTIONS
 * SECONDS`, answers one line of JSON.
 */
const [url = '', connections = '1', seconds = '1'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const endMs = performance.now() + Number(seconds) * 1000;
const durationsMs: number[] = [];
let bytes = 0;
let failures = 0;

async function one(): Promise<void> {
  const from = performance.now();
  await new Promise<void>((resolve, reject) => {
    get(url, { agent }, (answer) => {
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        bytes = length;
        if (answer.statusCode !== 200) failures += 1;
        resolve();
      });
    }).on('error', reject);
  });
  durationsMs.push(performance.now() - from);
}

async function ask(): Promise<void> {
  while (performance.now() < endMs) await one();
}

const from = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, ask));
agent.destroy();
const took = (performance.now() - from) / 1000;
process.stdout.write(`${JSON.stringify({ durationsMs, bytes, failures, seconds: took })}\n`);
