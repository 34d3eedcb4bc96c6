import { access } from 'node:fs/promises';
import type { RunCommand } from '../../lib/run-command.ts';

/** Who starts services here. */
export type ServiceManager = 'systemd' | 'launchd';

/** The gateway's service as its manager tells it. */
export interface ServiceState {
  readonly manager: ServiceManager;
  /** Unit or label. */
  readonly name: string;
  /** Of the user's own manager, or the machine's. */
  readonly scope: 'user' | 'system';
  readonly active: boolean;
  /** The manager's own words, such as `failed` or `activating (auto-restart)`. */
  readonly activity: string;
  /** Whether it starts by itself with the machine or the session. */
  readonly enabled: boolean | undefined;
  /** Starts the manager made on its own since it knows the service. */
  readonly restarts: number | undefined;
  readonly mainPid: number | undefined;
  /** Whether it may not be started at all; only systemd has that. */
  readonly isMasked?: true;
  /** For how long {@link ServiceState.activity} has been so, seconds; only systemd tells. */
  readonly unchangedSeconds?: number | undefined;
  /** How its last run ended, such as `success` or `oom-kill`; only systemd tells. */
  readonly result?: string | undefined;
  /** Identifies this run, or the last one; only systemd tells. */
  readonly invocation?: string | undefined;
}

/** What a service manager said of the gateway. */
export type ServiceOutcome =
  | { readonly state: 'found'; readonly service: ServiceState }
  /** There is a manager and it has no such service. */
  | { readonly state: 'no_service' }
  /** There is no manager, or it cannot be reached from here. */
  | { readonly state: 'no_manager' };

/** Whose services are asked for, and by which means. */
export interface ServiceQuery {
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The profile whose service is asked for; undefined for the default one. */
  readonly profile?: string | undefined;
  /** The user whose manager is asked. */
  readonly uid: number;
  /** Whether a path exists; passed in, so that a test decides whether systemd runs. */
  readonly exists: (path: string) => Promise<boolean>;
}

const PROPERTIES =
  'Id,LoadState,ActiveState,SubState,UnitFileState,NRestarts,MainPID,Result,InvocationID,StateChangeTimestampMonotonic';
const STARTS_BY_ITSELF = ['enabled', 'enabled-runtime', 'alias', 'generated'];

/** What the manager of this platform says of the gateway's service. Rejects only when `signal` fires. */
export function askServiceManager(
  platform: NodeJS.Platform,
  asker: Pick<ServiceQuery, 'env' | 'run' | 'profile'>,
  signal: AbortSignal,
): Promise<ServiceOutcome> {
  const query = { ...asker, uid: process.getuid?.() ?? 0, exists };
  return platform === 'darwin' ? launchdService(query, signal) : systemdService(query, signal);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Asks systemd: the user's manager, then the machine's; an active unit is preferred. */
export async function systemdService(query: ServiceQuery, signal: AbortSignal): Promise<ServiceOutcome> {
  if (!(await query.exists('/run/systemd/system'))) return { state: 'no_manager' };
  const user = await askSystemd('user', query, signal);
  if (user?.find(({ active }) => active) !== undefined) return preferred(user);
  const system = await askSystemd('system', query, signal);
  if (user === undefined && system === undefined) return { state: 'no_manager' };
  return preferred([...(user ?? []), ...(system ?? [])]);
}

/** Names that the unit of a profile's gateway may have; that of the installed gateway first. */
export function unitNames(env: ServiceQuery['env'], profile: string | undefined): string[] {
  const own = profile === undefined ? 'openclaw-gateway' : `openclaw-gateway-${profile}`;
  const override = env.OPENCLAW_SYSTEMD_UNIT;
  const names = profile === undefined ? [own, 'openclaw', 'clawdbot-gateway'] : [own];
  const named = override !== undefined && /^[\w@][\w@.:-]*$/.test(override) ? [override, ...names] : names;
  return [...new Set(named.map((name) => (name.endsWith('.service') ? name : `${name}.service`)))];
}

/**
 * Reads `systemctl show` of several units: blocks of `Key=value`, an empty line between.
 * Units not loaded are left out.
 */
export function parseSystemctlShow(
  text: string,
  scope: ServiceState['scope'],
  nowMonotonicMs = systemMonotonicMs(),
): ServiceState[] {
  return text.split(/\n\s*\n/).flatMap((block) => {
    const values = new Map(
      block.split('\n').map((line) => {
        const equals = line.indexOf('=');
        return [line.slice(0, equals), line.slice(equals + 1)] as const;
      }),
    );
    const name = values.get('Id') ?? '';
    if (name === '' || !['loaded', 'masked'].includes(values.get('LoadState') ?? '')) return [];
    const activity = values.get('ActiveState') ?? 'unknown';
    const file = values.get('UnitFileState') ?? '';
    return [
      {
        manager: 'systemd' as const,
        name,
        scope,
        active: activity === 'active' || activity === 'reloading',
        activity: `${activity} (${values.get('SubState') ?? 'unknown'})`,
        enabled: file === '' ? undefined : STARTS_BY_ITSELF.includes(file),
        restarts: count(values.get('NRestarts')),
        mainPid: positive(count(values.get('MainPID'))),
        ...(values.get('LoadState') === 'masked' ? { isMasked: true as const } : {}),
        unchangedSeconds: secondsSince(values.get('StateChangeTimestampMonotonic'), nowMonotonicMs),
        result: word(values.get('Result')),
        invocation: word(values.get('InvocationID')),
      },
    ];
  });
}

/** Asks launchd for the user's agent, then for a daemon of the machine. Not tested on macOS. */
export async function launchdService(query: ServiceQuery, signal: AbortSignal): Promise<ServiceOutcome> {
  const label = launchdLabel(query.env, query.profile);
  const options = { signal, env: { LC_ALL: 'C', PATH: '/bin:/usr/bin:/usr/sbin' } };
  const domains = [`gui/${query.uid}`, `user/${query.uid}`, 'system'];
  for (const domain of domains) {
    const printed = await query.run('/bin/launchctl', ['print', `${domain}/${label}`], options);
    if (printed.state === 'not_started') return { state: 'no_manager' };
    if (printed.state !== 'exited' || printed.code !== 0) continue;
    const disabled = await query.run('/bin/launchctl', ['print-disabled', domain], options);
    const enabled = disabled.state === 'exited' ? !isLaunchdDisabled(disabled.stdout, label) : undefined;
    const scope = domain === 'system' ? ('system' as const) : ('user' as const);
    return {
      state: 'found',
      service: { manager: 'launchd', name: label, scope, enabled, ...parseLaunchctlPrint(printed.stdout) },
    };
  }
  return { state: 'no_service' };
}

/** `ai.openclaw.gateway`, or `ai.openclaw.PROFILE`. */
export function launchdLabel(env: ServiceQuery['env'], profile: string | undefined): string {
  const override = env.OPENCLAW_LAUNCHD_LABEL;
  if (override !== undefined && /^[\w.-]+$/.test(override)) return override;
  return `ai.openclaw.${profile ?? 'gateway'}`;
}

/** Reads `launchctl print`: only lines one tab deep, for blocks inside repeat the same words. */
export function parseLaunchctlPrint(
  text: string,
): Pick<ServiceState, 'active' | 'activity' | 'restarts' | 'mainPid'> {
  const values = new Map<string, string>();
  for (const [, key = '', value = ''] of text.matchAll(/^\t(state|pid|runs) = (.*)$/gm))
    values.set(key, value);
  const activity = values.get('state') ?? 'unknown';
  const mainPid = positive(count(values.get('pid')));
  const runs = count(values.get('runs'));
  return {
    active: activity === 'running' || mainPid !== undefined,
    activity,
    restarts: runs === undefined ? undefined : Math.max(0, runs - 1),
    mainPid,
  };
}

/**
 * Reads `launchctl print-disabled`; newer systems say `disabled`, older ones `true`.
 * A label not named is enabled.
 */
export function isLaunchdDisabled(text: string, label: string): boolean {
  return [...text.matchAll(/"([^"]+)" => (\w+)/g)].some(
    ([, name, value = '']) => name === label && ['disabled', 'true'].includes(value),
  );
}

/** The manager's command that starts the service anew. */
export function restartCommand({ manager, name, scope }: ServiceState): string {
  if (manager === 'systemd')
    return scope === 'user' ? `systemctl --user restart ${name}` : `sudo systemctl restart ${name}`;
  return scope === 'user'
    ? `launchctl kickstart -k gui/$UID/${name}`
    : `sudo launchctl kickstart -k system/${name}`;
}

async function askSystemd(
  scope: ServiceState['scope'],
  { run, env, profile, uid, exists }: ServiceQuery,
  signal: AbortSignal,
): Promise<ServiceState[] | undefined> {
  const bus: Record<string, string> = {};
  if (scope === 'user') {
    // Empty counts as unset, as in the XDG base directory specification.
    const runtime = env.XDG_RUNTIME_DIR || `/run/user/${uid}`;
    if (!(await exists(runtime))) return undefined;
    bus.XDG_RUNTIME_DIR = runtime;
    if (env.DBUS_SESSION_BUS_ADDRESS !== undefined)
      bus.DBUS_SESSION_BUS_ADDRESS = env.DBUS_SESSION_BUS_ADDRESS;
  }
  const flags = scope === 'user' ? ['--user'] : [];
  const args = [...flags, 'show', '--no-pager', '--property', PROPERTIES, '--', ...unitNames(env, profile)];
  const path = env.PATH ?? '/usr/bin:/bin';
  const shown = await run('systemctl', args, { signal, env: { ...bus, LC_ALL: 'C', PATH: path } });
  if (shown.state !== 'exited' || shown.code !== 0) return undefined;
  return parseSystemctlShow(shown.stdout, scope);
}

function preferred(services: readonly ServiceState[]): ServiceOutcome {
  const service = services.find(({ active }) => active) ?? services[0];
  return service === undefined ? { state: 'no_service' } : { state: 'found', service };
}

/** The clock of systemd's monotonic timestamps: CLOCK_MONOTONIC, since the machine's start. */
function systemMonotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** `microseconds` is 0 where systemd has no such moment. */
function secondsSince(microseconds: string | undefined, nowMs: number): number | undefined {
  const at = positive(count(microseconds));
  return at === undefined ? undefined : Math.max(0, (nowMs - at / 1_000) / 1_000);
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function word(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w-]{1,64}$/.test(text) ? text : undefined;
}

function positive(value: number | undefined): number | undefined {
  return value === undefined || value === 0 ? undefined : value;
}
