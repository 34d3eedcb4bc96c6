import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryGroups, parseLimit } from '../../../src/os/cgroup.ts';
import { parseListeningSockets, socketInode } from '../../../src/os/proc-net.ts';
import {
  parseBootTime,
  parseCmdline,
  parseHertz,
  parseMaxOpenFiles,
  parseMemTotal,
  parsePageBytes,
  parseProcStat,
  parseProcStatus,
  pickEnvironment,
} from '../../../src/os/proc-process.ts';

// Recorded from a 2026.9.6 gateway.
const STAT =
  '4925 (openclaw-gatewa) S 4902 4925 4902 0 -1 4194304 312885 6620 12 0 2210 410 31 9 20 0 15 0 250849 25204805632 207360 18446744073709551615 4194304 51310000 140723 0 0 0 0 16781312 134235650 0 0 0 17 1 0 0 0 0 0 5131 5140 6113 140723 140723 140723 140723 0\n';
const ZOMBIE =
  '6623 (node) Z 6600 6623 6600 0 -1 4227084 0 0 0 0 12 3 0 0 20 0 1 0 257485 0 0 18446744073709551615 0 0 0 0 0 0 0 16781312 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 9\n';

describe('a line of /proc/PID/stat', () => {
  it('is nothing where it is cut short or no such line', () => {
    for (const text of ['', '4925', '4925 (node', '4925 (node) S 1 2', STAT.slice(0, 60), 'x (node) S 1']) {
      expect(parseProcStat(text)).toBeUndefined();
    }
  });

  it('tells state, parent, times and start of a living gateway', () => {
    expect(parseProcStat(STAT)).toEqual({
      pid: 4925,
      comm: 'openclaw-gatewa',
      state: 'sleeping',
      ppid: 4902,
      userTicks: 2210,
      systemTicks: 410,
      threads: 15,
      startTicks: '250849',
      residentPages: 207_360,
    });
  });

  it('keeps the start of a zombie', () => {
    expect(parseProcStat(ZOMBIE)).toMatchObject({ state: 'zombie', startTicks: '257485' });
  });

  it('says other for a letter of a future kernel', () => {
    expect(parseProcStat(STAT.replace(') S ', ') Q '))?.state).toBe('other');
  });

  it('is read right whatever name the process chose', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 15 }),
      fc.string({ unit: fc.constantFrom('(', ')', ' ', '\n', 'S', '1'), maxLength: 15 }),
    );
    fc.assert(
      fc.property(names, fc.nat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (comm, ppid, ticks) => {
        const text = STAT.replace('(openclaw-gatewa) S 4902', () => `(${comm}) S ${ppid}`).replace(
          ' 250849 ',
          ` ${ticks} `,
        );
        expect(parseProcStat(text)).toMatchObject({ comm, ppid, startTicks: String(ticks) });
      }),
    );
  });

  it('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseProcStat(text)));
  });
});

describe('the other files of a process', () => {
  it('tell no memory of a zombie', () => {
    expect(parseProcStatus('Name:\tnode\nState:\tZ (zombie)\nUid:\t1000\t1000\t1000\t1000\n')).toEqual({
      uid: 1000,
      residentBytes: undefined,
    });
  });

  it('tell resident memory in bytes', () => {
    const kibibytes = 829_440;
    const text = `Name:\tnode\nUid:\t0\t0\t0\t0\nVmPeak:\t  99 kB\nVmRSS:\t  ${kibibytes} kB\nThreads:\t15\n`;
    expect(parseProcStatus(text).residentBytes).toBe(kibibytes * 1024);
  });

  it('tell no limit of open files where there is none', () => {
    expect(
      parseMaxOpenFiles('Max open files            unlimited            unlimited            files'),
    ).toBeUndefined();
    expect(parseMaxOpenFiles('')).toBeUndefined();
  });

  it('tell the soft limit of open files', () => {
    const text =
      'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 20000                files     \n';
    expect(parseMaxOpenFiles(text)).toBe(1024);
  });

  it('show a renamed process by its new name alone', () => {
    expect(parseCmdline(`openclaw-gateway${'\0'.repeat(155)}`)).toEqual(['openclaw-gateway']);
    expect(parseCmdline('')).toEqual([]);
    expect(parseCmdline('node\0/x/openclaw.mjs\0gateway\0')).toEqual(['node', '/x/openclaw.mjs', 'gateway']);
  });

  it('give only the variables that are asked for', () => {
    const text = 'HOME=/home/u\0OPENCLAW_GATEWAY_TOKEN=hush\0EMPTY=\0A=b=c\0=odd\0HOME=/second\0';
    expect([...pickEnvironment(text, ['HOME', 'A', 'EMPTY', 'MISSING'])]).toEqual([
      ['HOME', '/home/u'],
      ['EMPTY', ''],
      ['A', 'b=c'],
    ]);
  });
});

describe('the files of the machine', () => {
  it('tell the boot and the memory', () => {
    expect(parseBootTime('cpu  1 2\nintr 5 6\nbtime 1795392305\nprocesses 9\n')).toBe(1_795_392_305);
    expect(parseBootTime('cpu 1')).toBeUndefined();
    expect(parseMemTotal('MemTotal:        8039284 kB\nMemFree: 1 kB\n')).toBe(8_039_284 * 1024);
  });

  it('tell the ticks per second, or the usual hundred', () => {
    const auxv = Buffer.alloc(48);
    auxv.writeBigUInt64LE(6n, 0);
    auxv.writeBigUInt64LE(4096n, 8);
    auxv.writeBigUInt64LE(17n, 16);
    auxv.writeBigUInt64LE(250n, 24);
    expect(parseHertz(auxv)).toBe(250);
    expect(parseHertz(auxv.subarray(0, 20))).toBe(100);
    expect(parseHertz(Buffer.alloc(0))).toBe(100);
  });

  it('tell how large a page is, and the usual size where they do not', () => {
    const auxv = Buffer.alloc(16);
    auxv.writeBigUInt64LE(6n, 0);
    auxv.writeBigUInt64LE(16_384n, 8);
    expect(parsePageBytes(auxv)).toBe(16_384);
    expect(parsePageBytes(auxv.subarray(0, 10))).toBe(4096);
  });
});

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9AB1 00000000:0000 0A 00000000:00000001 00:00000000 00000000  1000        0 51210 1 0000000000000000 100 0 0 10 0
   1: 0100007F:9AB1 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000  1000        0 51300 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:D2F0 0100007F:9AB1 06 00000000:00000000 03:00000B5A 00000000     0        0 0 3 0000000000000000
   3: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1200 1 0000000000000000 100 0 0 10 0
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:9AB1 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 51211 1 0000000000000000 100 0 0 10 0
`;

describe('the sockets of /proc/net', () => {
  it('are listening ones only, of both families and all addresses', () => {
    expect(parseListeningSockets(TCP)).toEqual([
      { host: '127.0.0.1', port: 0x9ab1, uid: 1000, inode: '51210' },
      { host: '0.0.0.0', port: 22, uid: 0, inode: '1200' },
    ]);
    expect(parseListeningSockets(TCP6)).toEqual([{ host: '::1', port: 0x9ab1, uid: 1000, inode: '51211' }]);
    expect(parseListeningSockets('')).toEqual([]);
  });

  it('are read back whatever their numbers', () => {
    const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
    const socket = fc.record({
      port: fc.nat(0xffff),
      uid: fc.nat(),
      inode: fc.nat().map((n) => String(n + 1)),
      listens: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(socket), (sockets) => {
        const lines = sockets.map(
          ({ port, uid, inode, listens }, place) =>
            `${String(place).padStart(4)}: 0100007F:${hex(port, 4)} 00000000:0000 ${listens ? '0A' : '01'} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 0 100 0 0 10 0`,
        );
        const expected = sockets
          .filter(({ listens }) => listens)
          .map(({ port, uid, inode }) => ({ host: '127.0.0.1', port, uid, inode }));
        expect(parseListeningSockets(['head', ...lines].join('\n'))).toEqual(expected);
      }),
    );
  });

  it('are told from other open files by their link', () => {
    expect(socketInode('socket:[51210]')).toBe('51210');
    expect(socketInode('/srv/socket:[51210]')).toBeUndefined();
    expect(socketInode('pipe:[51210]')).toBeUndefined();
  });
});

describe('memory limits', () => {
  const HYBRID = `35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

  it('are none where no control group is mounted', () => {
    expect(memoryGroups('0::/user.slice\n', '')).toEqual([]);
    expect(memoryGroups('', HYBRID)).toEqual([]);
  });

  it('are looked for on every level of both versions', () => {
    expect(memoryGroups('4:memory:/a/b\n1:cpu:/c\n0::/d\n', HYBRID)).toEqual([
      {
        folders: ['/sys/fs/cgroup/memory/a/b', '/sys/fs/cgroup/memory/a', '/sys/fs/cgroup/memory'],
        file: 'memory.limit_in_bytes',
      },
      { folders: ['/sys/fs/cgroup/unified/d', '/sys/fs/cgroup/unified'], file: 'memory.max' },
    ]);
  });

  it('are found where only a part of the hierarchy is mounted', () => {
    const inContainer = '35 31 0:32 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n';
    expect(memoryGroups('0::/docker/1f/init\n', inContainer)).toEqual([
      { folders: ['/sys/fs/cgroup/init', '/sys/fs/cgroup'], file: 'memory.max' },
    ]);
    expect(memoryGroups('0::/elsewhere\n', inContainer)).toEqual([
      { folders: ['/sys/fs/cgroup'], file: 'memory.max' },
    ]);
  });

  it('never leave the mount, whatever the path', () => {
    const path = fc.array(fc.constantFrom('..', '.', 'a', 'b c')).map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(path, (text) => {
        const groups = memoryGroups(`0::${text}\n`, '41 31 0:38 / /cg rw - cgroup2 cgroup2 rw\n');
        for (const folder of groups.flatMap(({ folders }) => folders)) {
          expect(folder === '/cg' || folder.startsWith('/cg/')).toBe(true);
          expect(folder).not.toContain('..');
        }
      }),
    );
  });

  it('are numbers or none', () => {
    expect(parseLimit('max\n')).toBeUndefined();
    expect(parseLimit('')).toBeUndefined();
    expect(parseLimit('536870912\n')).toBe(536_870_912);
  });
});
