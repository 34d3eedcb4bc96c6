import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { Random } from './random.ts';

/**
 * Where a hostile host misbehaves: in HTTP, in the opening of a WebSocket, in answer to a credential, in
 * answer to a question about cron, or as an SSH server. Up to there it does as a gateway does.
 */
export const PHASES = ['http', 'opening', 'credential', 'question', 'banner'] as const;
export type Phase = (typeof PHASES)[number];

const JSON_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
const LIVE = '{"ok":true,"status":"live"}';
const CHALLENGE = '{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}';
const HELLO = '{"type":"hello-ok","protocol":4,"server":{"version":"2026.9.6","connId":"c"}}';
const NESTED = 100_000;
const BOMB = Buffer.alloc(10 * 1024 * 1024);
const deep = '['.repeat(NESTED) + ']'.repeat(NESTED);
const manyValues = `[${'[],'.repeat(1_000_000)}1]`;

type Misdeed = (socket: Socket, random: Random) => void;

function answer(body: string | Buffer, head = JSON_HEAD): Buffer {
  return Buffer.concat([
    Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);
}

/** Sends `piece` for as long as the other side listens, and no faster than it reads. */
function endlessly(socket: Socket, piece: string | Buffer): void {
  const more = () => {
    for (let left = 16; left > 0 && !socket.destroyed; left -= 1) {
      if (!socket.write(piece)) return void socket.once('drain', more);
    }
    if (!socket.destroyed) setImmediate(more);
  };
  more();
}

function drip(socket: Socket, text: Buffer, everyMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    socket.write(text.subarray(at % text.length, (at % text.length) + 1));
    at += 1;
  }, everyMs);
  socket.once('close', () => clearInterval(timer));
}

/** Half of `whole`, and then silence, an end or a reset. */
function half(socket: Socket, random: Random, whole: Buffer): void {
  socket.write(whole.subarray(0, random.below(whole.length)));
  leave(socket, random);
}

function leave(socket: Socket, random: Random): void {
  const how = random.below(3);
  if (how === 1) socket.end();
  if (how === 2) socket.resetAndDestroy();
}

/** `text` with one of its bytes changed, where that still is another text. */
function mutated(text: string, random: Random): Buffer {
  const bytes = Buffer.from(text);
  const at = random.below(bytes.length);
  bytes[at] = ((bytes[at] ?? 0) + 1 + random.below(255)) & 0xff;
  return bytes;
}

/** Values that are no answer to anything. */
const NONSENSE: readonly [string | Buffer, ...(string | Buffer)[]] = [
  '',
  'null',
  '[]',
  '"live"',
  '1e999',
  '{}',
  '{"ok":true}',
  '{"ok":"true","status":"live"}',
  '{"ok":true,"status":"LIVE"}',
  '{"__proto__":{"ok":true,"status":"live"}}',
  '{"ok":1,"status":["live"]}',
  '\0'.repeat(100),
  Buffer.from(LIVE, 'utf16le'),
  Buffer.from([0xff, 0xfe, 0x7b, 0xc0, 0x80, 0x7d]),
  `{"ok":false,"status":"live","more":${deep.slice(0, 20_000)}}`,
  deep,
  manyValues,
];

const HTTP: Readonly<Record<string, Misdeed>> = {
  'half an answer': (socket, random) => half(socket, random, answer(LIVE)),
  'a changed body': (socket, random) => void socket.write(answer(mutated(LIVE, random))),
  nonsense: (socket, random) => void socket.write(answer(random.pick(NONSENSE))),
  'a body without end': (socket) => {
    socket.write(`${JSON_HEAD}\r\n`);
    endlessly(socket, 'x'.repeat(65_536));
  },
  'headers without end': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    endlessly(socket, `x-more: ${'y'.repeat(1000)}\r\n`);
  },
  'a drip': (socket) => drip(socket, answer('{"ok":false}').subarray(0, 60), 5),
  'another type': (socket) =>
    void socket.write(answer(LIVE, JSON_HEAD.replace('application/json', 'text/html'))),
  'another status': (socket, random) =>
    void socket.write(answer(LIVE, JSON_HEAD.replace('200', String(201 + random.below(390))))),
  'a gzip bomb': (socket) =>
    void socket.write(answer(gzipSync(BOMB), `${JSON_HEAD}content-encoding: gzip\r\n`)),
  'a deflate bomb': (socket) =>
    void socket.write(answer(deflateRawSync(BOMB), `${JSON_HEAD}content-encoding: deflate\r\n`)),
  'preliminary answers without end': (socket, random) =>
    endlessly(
      socket,
      random
        .pick(['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n'])
        .repeat(500),
    ),
  'a redirect': (socket) =>
    void socket.write(answer('', 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/healthz\r\n')),
  'chunks that are none': (socket, random) => {
    socket.write(`${JSON_HEAD}transfer-encoding: chunked\r\n\r\n`);
    socket.write(
      random.pick(['-1\r\n', 'ffffffffffffffff\r\nx', 'zz\r\n', `1;${'e'.repeat(100_000)}\r\n`, '5\r\n{"o']),
    );
  },
  'chunks of one byte without end': (socket) => {
    socket.write(`${JSON_HEAD}transfer-encoding: chunked\r\n\r\n`);
    endlessly(socket, '1\r\n \r\n'.repeat(2000));
  },
  'two lengths': (socket) =>
    void socket.write(`${JSON_HEAD}content-length: 27\r\ncontent-length: 5\r\n\r\n${LIVE}`),
  'a length beyond numbers': (socket) =>
    void socket.write(`${JSON_HEAD}content-length: 99999999999999999999\r\n\r\n${LIVE}`),
  'HTTP/2': (socket) => void socket.write(Buffer.from('00000c04000000000000030000006400040000ffff', 'hex')),
  'a TLS alert': (socket) => void socket.write(Buffer.from('15030300020246', 'hex')),
  'an SSH banner': (socket) => void socket.write('SSH-2.0-OpenSSH_9.6\r\n'),
  'an unasked WebSocket': (socket) =>
    void socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
    ),
  noise: (socket, random) => void socket.write(random.bytes(1 + random.below(4000))),
  silence: () => undefined,
  'an end': (socket, random) => leave(socket, random),
};

/** One WebSocket frame; not masked, as a server sends it. */
function frame(opcode: number, payload: string | Buffer, first = 0x80 | opcode): Buffer {
  const bytes = Buffer.from(payload);
  if (bytes.length < 126) return Buffer.concat([Buffer.from([first, bytes.length]), bytes]);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(bytes.length), 2);
  return Buffer.concat([head, bytes]);
}

const text = (payload: string | Buffer) => frame(1, payload);

/** Frames that are wrong whatever they answer. */
const FRAMES: Readonly<Record<string, Misdeed>> = {
  nonsense: (socket, random) => void socket.write(text(random.pick(NONSENSE))),
  binary: (socket) => void socket.write(frame(2, CHALLENGE)),
  'half a frame': (socket, random) => {
    const whole = text('{"type":"event"}');
    socket.write(whole.subarray(0, random.below(whole.length)));
    leave(socket, random);
  },
  'a frame of four gigabytes': (socket) => {
    const head = Buffer.alloc(10);
    head[0] = 0x81;
    head[1] = 127;
    head.writeBigUInt64BE(2n ** 32n, 2);
    socket.write(head);
    endlessly(socket, 'x'.repeat(65_536));
  },
  'the largest frame that is read': (socket) =>
    void socket.write(text(`"${'x'.repeat(4 * 1024 * 1024 - 2)}"`)),
  'fragments without end': (socket) => {
    socket.write(frame(1, '{', 0x01));
    endlessly(socket, frame(0, 'x', 0x00).toString('latin1').repeat(3000));
  },
  'empty frames without end': (socket) =>
    endlessly(socket, Buffer.concat(Array.from({ length: 5000 }, () => text('')))),
  'pings without end': (socket) =>
    endlessly(socket, Buffer.concat(Array.from({ length: 5000 }, () => frame(9, 'ping')))),
  'a compressed bomb nobody agreed to': (socket) => void socket.write(frame(1, deflateRawSync(BOMB), 0xc1)),
  'a masked frame': (socket) => void socket.write(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 5, 6])),
  'an unknown opcode': (socket, random) => void socket.write(frame(3 + random.below(5), 'x')),
  'bytes that are no text': (socket) => void socket.write(text(Buffer.alloc(1000, 0xff))),
  'a long ping': (socket) => void socket.write(frame(9, 'x'.repeat(2000))),
  'a close': (socket, random) => {
    const code = Buffer.alloc(2);
    code.writeUInt16BE(random.below(65_536));
    socket.write(frame(8, code));
  },
  noise: (socket, random) => void socket.write(random.bytes(1 + random.below(4000))),
  silence: () => undefined,
  'an end': (socket, random) => leave(socket, random),
};

const upgraded = (key: string, more = '') =>
  `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${createHash(
    'sha1',
  )
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')}\r\n${more}\r\n`;

/** Upgrades that are none. */
const UPGRADES: Readonly<Record<string, Misdeed>> = {
  ...HTTP,
  'a wrong key': (socket) => void socket.write(upgraded('wrong')),
};

const BANNERS: Readonly<Record<string, Misdeed>> = {
  'a banner without end': (socket) => endlessly(socket, 'SSH-2.0-x'.repeat(1000)),
  'lines without end': (socket) => endlessly(socket, 'hello\r\n'.repeat(2000)),
  'line ends without end': (socket) => endlessly(socket, '\n'.repeat(60_000)),
  noise: (socket, random) => void socket.write(random.bytes(1 + random.below(4000))),
  NUL: (socket) => endlessly(socket, Buffer.alloc(60_000)),
  'a drip': (socket) => drip(socket, Buffer.from('hello\r\n'), 2),
  'another version': (socket, random) =>
    void socket.write(`SSH-${random.pick(['1.0', '1.5', '3.0', '2.1', '2', '', '99999'])}-x\r\n`),
  'control characters': (socket) => void socket.write('SSH-2.0-\u001b[2J\u0007evil\r\n'),
  'a banner of half a line': (socket, random) => half(socket, random, Buffer.from('SSH-2.0-OpenSSH_9.6')),
  HTTP: (socket) => void socket.write(answer(LIVE)),
  silence: () => undefined,
  'an end': (socket, random) => leave(socket, random),
};

function chosen(deeds: Readonly<Record<string, Misdeed>>, random: Random): readonly [string, Misdeed] {
  const all = Object.entries(deeds);
  return all[random.below(all.length)] ?? ['silence', () => undefined];
}

/** What the play of `seed` in `phase` does, in a few words. */
export function describePlay(phase: Phase, seed: number): string {
  return planOf(phase, seed).what;
}

function planOf(
  phase: Phase,
  seed: number,
): { what: string; deed: Misdeed; random: Random; upgrade: boolean } {
  const random = new Random(seed);
  if (phase === 'http') return { ...named(chosen(HTTP, random)), random, upgrade: false };
  if (phase === 'banner') return { ...named(chosen(BANNERS, random)), random, upgrade: false };
  if (phase === 'opening' && random.below(2) === 0)
    return { ...named(chosen(UPGRADES, random), 'instead of the upgrade: '), random, upgrade: true };
  return { ...named(chosen({ ...FRAMES, ...wrongReplies(phase) }, random)), random, upgrade: false };
}

function named([what, deed]: readonly [string, Misdeed], before = '') {
  return { what: `${before}${what}`, deed };
}

/** Frames that are well-formed and still no answer in that phase. */
function wrongReplies(phase: Phase): Readonly<Record<string, Misdeed>> {
  const reply = (id: string, more: string) => text(`{"type":"res","id":${id},${more}}`);
  if (phase === 'opening') {
    return {
      'a challenge without a nonce': (socket) =>
        void socket.write(text('{"type":"event","event":"connect.challenge","payload":{}}')),
      'another event': (socket) =>
        void socket.write(text('{"type":"event","event":"tick","payload":{"nonce":"n"}}')),
    };
  }
  return {
    'an answer to nobody': (socket) => void socket.write(reply('"nobody"', `"ok":true,"payload":${HELLO}`)),
    'an answer to everybody': (socket) => {
      for (let id = 0; id < 100; id += 1) socket.write(reply(`${id}`, `"ok":true,"payload":${HELLO}`));
    },
    'a yes without a greeting': (socket, random) =>
      void socket.write(
        reply(
          '"connect"',
          `"ok":true,"payload":${random.pick(['null', '1', '"x"', '[]', '{}', '{"type":"hello"}'])}`,
        ),
      ),
    'no, twice, then yes': (socket) => {
      const no = '"ok":false,"error":{"code":"INVALID_REQUEST","message":"no"}';
      for (const more of [no, no, `"ok":true,"payload":${HELLO}`]) {
        for (const id of ['"connect"', '"1"', '"2"']) socket.write(reply(id, more));
      }
    },
    'an error that is none': (socket, random) =>
      void socket.write(
        reply('"connect"', `"ok":false,"error":${random.pick(['null', '[]', '7', `{"details":${deep}}`])}`),
      ),
    'events without end': (socket) =>
      endlessly(
        socket,
        Buffer.concat(Array.from({ length: 500 }, () => text('{"type":"event","event":"tick"}'))),
      ),
    'challenges without end': (socket) =>
      endlessly(socket, Buffer.concat(Array.from({ length: 500 }, () => text(CHALLENGE)))),
  };
}

/**
 * Plays one connection from its first byte to the misdeed of that seed, and stays
 * until the other side leaves.
 */
export function play(socket: Socket, phase: Phase, seed: number): void {
  const { deed, random, upgrade } = planOf(phase, seed);
  socket.on('error', () => undefined);
  if (phase === 'banner') {
    deed(socket, random);
    return;
  }
  socket.once('data', (request: Buffer) => {
    const head = request.toString('latin1');
    const key = /^sec-websocket-key: (\S+)/im.exec(head)?.[1];
    if (phase === 'http' || (upgrade && key !== undefined)) return deed(socket, random);
    if (key === undefined) return void socket.end(answer(LIVE));
    socket.write(upgraded(key));
    if (phase === 'opening') return deed(socket, random);
    socket.write(text(CHALLENGE));
    socket.once('data', () => {
      if (phase === 'credential') return deed(socket, random);
      socket.write(text(`{"type":"res","id":"1","ok":true,"payload":${HELLO}}`));
      socket.once('data', () => deed(socket, random));
    });
  });
}
