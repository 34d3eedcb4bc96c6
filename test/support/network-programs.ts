/*
 * Programs that tests start inside network namespaces with `node -e`. Each prints `listening` once it serves.
 */

/**
 * Arguments: port, target's port, mode, number. A TCP proxy that delays every piece by `number` milliseconds
 * (`delay`), or lets each `number`th connection stall in silence (`stall`) or reset at once (`reset`).
 */
export const PROXY = `
const { connect, createServer } = require('node:net');
const [port, target, mode, number] = process.argv.slice(1).map((one) => (/^\\d+$/.test(one) ? Number(one) : one));
let count = 0;
createServer({ allowHalfOpen: true }, (outer) => {
  outer.on('error', () => outer.destroy());
  count += 1;
  if (mode === 'reset' && count % number === 0) return outer.resetAndDestroy();
  if (mode === 'stall' && count % number === 0) return outer.resume().once('end', () => outer.destroy());
  const inner = connect({ port: target, host: outer.localAddress, allowHalfOpen: true });
  inner.on('error', () => outer.destroy());
  const wait = mode === 'delay' ? number : 0;
  for (const [from, to] of [[outer, inner], [inner, outer]]) {
    from.on('data', (piece) => setTimeout(() => to.destroyed || to.write(piece), wait));
    from.on('end', () => setTimeout(() => to.end(), wait));
    from.on('close', () => setTimeout(() => to.destroy(), wait));
  }
}).listen(port, '0.0.0.0', () => console.log('listening'));
`;

/**
 * Arguments: address, then `name=address` pairs. A DNS server (UDP, port 53) that knows those names alone.
 */
export const NAME_SERVER = `
const [address, ...pairs] = process.argv.slice(1);
const known = new Map(pairs.map((pair) => pair.split('=')));
const server = require('node:dgram').createSocket('udp4');
server.on('message', (query, from) => {
  const labels = [];
  let at = 12;
  while (query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += query[at] + 1;
  }
  const question = query.subarray(12, at + 5);
  const found = known.get(labels.join('.').toLowerCase());
  const answers = found !== undefined && query.readUInt16BE(at + 1) === 1;
  const head = Buffer.from([query[0], query[1], 0x81, found === undefined ? 0x83 : 0x80, 0, 1, 0, answers ? 1 : 0, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...(answers ? found.split('.').map(Number) : [])]);
  server.send(Buffer.concat(answers ? [head, question, record] : [head, question]), from.port, from.address);
});
server.bind(53, address, () => console.log('listening'));
`;
