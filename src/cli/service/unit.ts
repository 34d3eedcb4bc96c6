import { nameProgram } from '../flags.ts';

/** What a service of this program is made of; all paths absolute. */
export interface ServiceProgram {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** OpenClaw's own variables that were set when the service was installed; never a token. */
  readonly environment: ReadonlyMap<string, string>;
}

/** What a service is called on each system. */
export interface ServiceNames {
  /** The systemd unit. */
  readonly unit: string;
  /** Its state folder, below the manager's. */
  readonly state: string;
  /** The launchd agent. */
  readonly label: string;
  /** Its log, below the user's `Library/Logs`. */
  readonly log: string;
  readonly description: string;
}

/** The names of an exporter's service; of its own where it has a name. */
export function nameService(name: string | undefined): ServiceNames {
  const program = nameProgram(name);
  return {
    unit: `${program}.service`,
    state: program,
    label: `ai.openclaw.gateway-exporter${name === undefined ? '' : `.${name}`}`,
    log: `${program}.log`,
    description: `Prometheus exporter for an OpenClaw gateway${name === undefined ? '' : ` (${name})`}`,
  };
}

/**
 * What holds for every service: nothing here needs a namespace, in which the gateway's
 * process could not be looked at.
 */
const COMMON = [
  'Restart=always',
  'RestartSec=5',
  'TimeoutStopSec=5',
  'UMask=0077',
  'MemoryMax=512M',
  'TasksMax=512',
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictNamespaces=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'SystemCallArchitectures=native',
] as const;

/**
 * More that the machine's own manager can do. Temporary files stay shared, for older gateways lock there; so
 * do users and processes, for the gateway's own are what is looked at.
 */
const SYSTEM = [
  'ProtectSystem=strict',
  'ProtectHome=read-only',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'ProtectControlGroups=yes',
  'PrivateDevices=yes',
  'CapabilityBoundingSet=',
  'AmbientCapabilities=',
] as const;

/** A systemd unit; with `user`, one of the machine's own manager that runs as that user, the gateway's. */
export function systemdUnit(
  { command, environment }: ServiceProgram,
  user: string | undefined,
  names = nameService(undefined),
): string {
  const lines = [
    '[Unit]',
    `Description=${names.description}`,
    ...(user === undefined ? [] : ['Wants=network-online.target', 'After=network-online.target']),
    '',
    '[Service]',
    `ExecStart=${command.map((word) => quoted(word)).join(' ')}`,
    'ExecReload=/bin/kill -HUP $MAINPID',
    ...[...environment].map(([name, value]) => `Environment=${quoted(`${name}=${value}`, false)}`),
    ...(user === undefined
      ? []
      : [`User=${user}`, `StateDirectory=${names.state}`, 'StateDirectoryMode=0700']),
    ...COMMON,
    ...(user === undefined ? [] : SYSTEM),
    '',
    '[Install]',
    `WantedBy=${user === undefined ? 'default.target' : 'multi-user.target'}`,
    '',
  ];
  return lines.join('\n');
}

/** A launchd agent of the user that writes its log to `logFile`: launchd keeps none. Not tested on macOS. */
export function launchdPlist(
  { command, environment }: ServiceProgram,
  logFile: string,
  { label } = nameService(undefined),
): string {
  const strings = command.map((word) => `    <string>${xml(word)}</string>`);
  const variables = [...environment].map(
    ([name, value]) => `    <key>${xml(name)}</key><string>${xml(value)}</string>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>${label}</string>
  <key>ProgramArguments</key>
  <array>
${strings.join('\n')}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
${variables.join('\n')}
  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
  <key>StandardErrorPath</key><string>${xml(logFile)}</string>
  <key>Umask</key><integer>63</integer>
  <key>ProcessType</key><string>Background</string>
</dict>
</plist>
`;
}

/** A word as systemd.syntax(7) has it: \`%\` names a specifier, and in commands \`$\` a variable. */
function quoted(word: string, isCommand = true): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('%', '%%');
  return `"${isCommand ? escaped.replaceAll('$', '$$$$') : escaped}"`;
}

function xml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
