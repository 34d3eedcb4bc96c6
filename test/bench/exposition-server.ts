import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

/**
 * A program: serves a recorded exposition (`FILE PORT`) under any path, as if each were another gateway's
 * exporter. Some values differ by path and time, as those of real gateways do.
 */
const [file = '', port = '0'] = process.argv.slice(2);
const recorded = readFileSync(file, 'utf8');
/** Gauges that move at each scrape. */
const MOVING =
  /^((?:process|nodejs)_\w+(?:\{[^}]*\})?|openclaw_\w+_(?:seconds|bytes)(?:\{[^}]*\})?) (\d[\d.e+-]*)$/gm;

createServer(({ url = '' }, response) => {
  const seed = createHash('sha1').update(url).digest().readUInt16BE(0) / 65_536;
  const shift = seed + (Date.now() % 600_000) / 600_000;
  response.setHeader('content-type', 'text/plain; version=0.0.4');
  response.end(
    recorded.replace(MOVING, (_line, series: string, value: string) => `${series} ${Number(value) + shift}`),
  );
}).listen(Number(port), '127.0.0.1');
