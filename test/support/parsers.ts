import { parseFlags } from '../../src/cli/flags.ts';
import { toFinishedRun } from '../../src/collectors/cron/source/finished-entry.ts';
import { parseLogCursor } from '../../src/collectors/cron/source/logs/cursor.ts';
import { createLineJudge, parseRunDuration } from '../../src/collectors/cron/source/logs/rules.ts';
import { findTime } from '../../src/collectors/cron/source/logs/time.ts';
import { toCronJob } from '../../src/collectors/cron/source/stored-job.ts';
import { COLLECTOR_DEFAULTS } from '../../src/collectors/index.ts';
import { readAnswer } from '../../src/collectors/remote/client.ts';
import { parseTailscaleStatus } from '../../src/collectors/tailscale/status.ts';
import { parseDuration } from '../../src/config/duration.ts';
import { parseConfig, validateYaml } from '../../src/config/load.ts';
import { parseRemoteTime } from '../../src/lib/clock-offset.ts';
import { parseJson } from '../../src/lib/json.ts';
import { holdsMoreValues } from '../../src/lib/json-size.ts';
import { credentialOf, substitute } from '../../src/openclaw/secrets.ts';
import {
  isLaunchdDisabled,
  parseLaunchctlPrint,
  parseSystemctlShow,
} from '../../src/openclaw/service/manager.ts';
import { readLaunchdJob } from '../../src/openclaw/service/plist.ts';
import { expandVariables, parseEnvironmentFile, readUnit } from '../../src/openclaw/service/systemd-unit.ts';
import { newNonce } from '../../src/openclaw/token-digest.ts';
import { memoryGroups, parseLimit } from '../../src/os/cgroup.ts';
import { parseChronyTracking, parseSntp, parseTimedatectl } from '../../src/os/clock-sync.ts';
import { parseLsof, parsePs } from '../../src/os/macos.ts';
import { parseListeningSockets } from '../../src/os/proc-net.ts';
import { parseCmdline, parseProcStat, parseProcStatus, pickEnvironment } from '../../src/os/proc-process.ts';
import { parseBanner } from '../../src/ssh/banner.ts';
import { parseSshConfig } from '../../src/ssh/config.ts';
import { explainFailure } from '../../src/ssh/messages.ts';
import { webSchema } from '../../src/web/web-config.ts';

/** A reader of text from outside, with texts that it understands. It must give a value for any text. */
export interface Parser {
  readonly name: string;
  readonly valid: readonly string[];
  readonly read: (text: string) => unknown;
}

const nonce = newNonce();
const { judge } = createLineJudge({ success: /\bok\b/, error: /\berror\b/ });

function parser(name: string, valid: readonly string[], read: (text: string) => unknown): Parser {
  return { name, valid, read };
}

export const PARSERS: readonly Parser[] = [
  parser('exporter.yml', ['ssh:\n  hosts:\n    - { name: a, target: b, port: 22 }\n'], (text) =>
    parseConfig(text, COLLECTOR_DEFAULTS),
  ),
  parser(
    'web configuration',
    ['basic_auth_users: { a: x }\ntls_server_config: { cert_file: a, key_file: b }\n'],
    (text) => validateYaml(text, webSchema),
  ),
  parser('duration', ['1h30m', '10s'], parseDuration),
  parser('flags', ['--web.listen-address=127.0.0.1:1', 'check', 'maintenance start 5m'], (text) =>
    parseFlags(text.split(' '), {}),
  ),
  parser('cgroup', ['0::/user.slice/a\n', '4:memory:/a\n'], (text) => [
    memoryGroups(text, '30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n'),
    memoryGroups('0::/a\n', text),
    parseLimit(text),
  ]),
  parser('time of a host', ['1700000000.123456789\n', '1700000000\n'], parseRemoteTime),
  parser(
    'clock programs',
    ['NTPSynchronized=yes\n', 'A1B2,1.2.3.4,3,1.0,0.0,Normal\n', '+0.001 +/- 0.02 a 1.2.3.4\n'],
    (text) => [parseTimedatectl(text), parseChronyTracking(text), parseSntp(text)],
  ),
  parser(
    'cron job',
    [
      '{"id":"a","name":"b","enabled":true,"schedule":{"kind":"cron","expr":"* * * * *"},"state":{"nextRunAtMs":1}}',
    ],
    (text) => toCronJob({ id: 'a', job: parseJson(text), state: parseJson(text) }),
  ),
  parser(
    'finished run',
    ['{"ts":2,"jobId":"a","action":"finished","status":"ok","runAtMs":1,"durationMs":1}'],
    (text) => toFinishedRun(parseJson(text), false),
  ),
  parser('size of JSON', ['{"a":[1,"\\"",{}]}'], (text) => holdsMoreValues(Buffer.from(text), 3)),
  parser('log cursor', ['{"version":1,"sinceMs":1,"globs":[],"files":{}}'], (text) =>
    parseLogCursor(parseJson(text)),
  ),
  parser('log line', ['2026-11-23T08:00:00Z job ok in 3.2s', '[Mon Nov 23 08:00:00 2026] error'], (text) => [
    findTime(text),
    parseRunDuration(text),
    judge([text]),
  ]),
  parser(
    'ps and lsof',
    ['  501  1 S Mon Nov 23 08:00:00 2026 1024 0:01.00 node\n', 'p12\nn*:18789\n'],
    (text) => [parsePs(text), parseLsof(text)],
  ),
  parser('credential', ['a-token', '${A_TOKEN}', '$${A}'], (text) => [
    credentialOf(text, 'a'),
    substitute(text, { A_TOKEN: '${A_TOKEN}' }),
  ]),
  parser(
    'property list',
    ['<plist><dict><key>Label</key><string>a</string></dict></plist>', 'bplist00'],
    (text) => readLaunchdJob(Buffer.from(text, 'latin1')),
  ),
  parser(
    '/proc',
    ['1 (a) S 1 1 1 0 -1 4194304 0 0 0 0 1 2 3 4 20 0 1 0 99 1 1', 'Uid:\t0\t0\t0\t0\n', 'node\0a\0'],
    (text) => [
      parseProcStat(text),
      parseProcStatus(text),
      parseCmdline(text),
      pickEnvironment(text, ['A']),
      parseListeningSockets(text),
    ],
  ),
  parser('answer of a remote client', ['openclaw-gateway-exporter:{"state":"none"}\n'], (text) =>
    readAnswer(text, nonce),
  ),
  parser(
    'service manager',
    ['Id=a.service\nActiveState=active\nNRestarts=0\n', '\tstate = running\n\tpid = 4\n'],
    (text) => [
      parseSystemctlShow(text, 'user'),
      parseLaunchctlPrint(text),
      isLaunchdDisabled(text, 'ai.openclaw.gateway'),
    ],
  ),
  parser('SSH banner', ['SSH-2.0-OpenSSH_9.6\r\n', 'hello\r\nSSH-2.0-x\r\n'], (text) =>
    parseBanner(Buffer.from(text, 'latin1')),
  ),
  parser(
    'what ssh prints',
    ['ssh: connect to host a port 22: Connection refused\r\n', 'Host key verification failed.\n'],
    (text) => [explainFailure(text, false), explainFailure(text, true)],
  ),
  parser('ssh -G', ['hostname a\nport 22\nproxycommand none\n'], parseSshConfig),
  parser(
    'systemd unit',
    ['[Service]\nEnvironment="A=b c" D=%h\nExecStart=/bin/a \\\n b\n', 'A="b"\n'],
    (text) => [
      readUnit([text], { home: '/home/a', unit: 'a.service' }),
      parseEnvironmentFile(text),
      expandVariables(text, new Map([['A', '$A']])),
    ],
  ),
  parser(
    'tailscale status',
    ['{"Version":"1.98","BackendState":"Running","Self":{"Online":true},"Peer":{}}'],
    parseTailscaleStatus,
  ),
];
