import { dirname, join, sep } from 'node:path';
import { parsePort } from '../../openclaw/locate.ts';
import type { GatewayLock } from '../../openclaw/lock.ts';
import { homeOf, namedStateDir, profileStateDir } from '../../openclaw/paths.ts';
import type { ListeningAddress, Processes, ProcessRow } from '../../os/processes.ts';
import { declaredPort, declaredProfile } from './recognise.ts';

/** Whose gateway a process is: of the state folder in question, another's, or not to be told. */
export type Ownership = 'ours' | 'others' | 'unclear';

/** Which gateway is ours. */
export interface OwnGateway {
  readonly address: ListeningAddress;
  /** The state folder as configured and with symbolic links followed; absolute. */
  readonly stateDirs: readonly string[];
  /** Who owns the state folder; undefined where that is not told. */
  readonly ownerUid: number | undefined;
}

const PLACE_VARIABLES = ['HOME', 'OPENCLAW_GATEWAY_PORT', 'OPENCLAW_HOME', 'OPENCLAW_STATE_DIR'] as const;
/** Every gateway since 2026.6 keeps its database open. */
const DATABASE = /\/state\/openclaw\.sqlite(?:-wal|-shm)?$/;

/**
 * Whose gateway a process is. What belongs to another user, another state folder or another profile is never
 * ours, whatever port it holds; a port decides only where nothing else does.
 */
export async function findOwner(
  processes: Processes,
  own: OwnGateway,
  row: ProcessRow,
  lock: GatewayLock | undefined,
  signal: AbortSignal,
): Promise<Ownership> {
  const uid = await processes.userOf(row.pid, signal);
  if (own.ownerUid !== undefined && uid !== undefined && uid !== own.ownerUid) return 'others';
  if (lock !== undefined) return lock.ours ? 'ours' : 'others';
  const byFiles = await ownerByFiles(processes, own, row.pid, signal);
  if (byFiles !== 'unclear') return byFiles;
  const environment = await processes.environment(row.pid, PLACE_VARIABLES, signal);
  const byPlace = ownerByPlace(own, row, environment);
  if (byPlace !== 'unclear') return byPlace;
  return ownerByPort(processes, own, row, environment, signal);
}

/**
 * Where nothing tells the state folder outright: by the port, then by the default
 * folder of the process' user.
 */
async function ownerByPort(
  processes: Processes,
  { address: { port }, stateDirs }: OwnGateway,
  row: ProcessRow,
  environment: ReadonlyMap<string, string> | undefined,
  signal: AbortSignal,
): Promise<Ownership> {
  const declared = declaredPort(row.argv) ?? parsePort(environment?.get('OPENCLAW_GATEWAY_PORT'));
  if (declared === port) return 'ours';
  const ports = await processes.ports(row.pid, signal);
  if (ports?.has(port)) return 'ours';
  if (environment === undefined) return declared === undefined ? 'unclear' : 'others';
  // A profile given as an option leaves no trace once the process has renamed
  // itself; a port of its own tells.
  if (ports !== undefined && ports.size > 0) return 'others';
  return stateDirs.includes(stateDirOf(environment)) ? 'ours' : 'others';
}

/** By the state folder whose files it has open: the one sign that no option and no renaming hides. */
async function ownerByFiles(
  processes: Processes,
  { stateDirs }: OwnGateway,
  pid: number,
  signal: AbortSignal,
): Promise<Ownership> {
  const isInside = (path: string) => stateDirs.some((folder) => path.startsWith(folder + sep));
  const open = await processes.openFiles(pid, (path) => isInside(path) || DATABASE.test(path), signal);
  if (open === undefined || open.length === 0) return 'unclear';
  return open.some(isInside) ? 'ours' : 'others';
}

/** By what its command line or environment says outright. */
function ownerByPlace(
  { stateDirs }: OwnGateway,
  { argv }: ProcessRow,
  environment: ReadonlyMap<string, string> | undefined,
): Ownership {
  const env = Object.fromEntries(environment ?? []);
  const named = namedStateDir(env, homeOf(env));
  if (named !== undefined) return stateDirs.includes(named) ? 'ours' : 'others';
  const profile = declaredProfile(argv);
  const home = environment === undefined ? stateDirs.map((folder) => dirname(folder)) : [homeOf(env)];
  if (profile === undefined) return 'unclear';
  return home.some((folder) => stateDirs.includes(profileStateDir(profile, folder))) ? 'ours' : 'others';
}

/** The default state folder of the user a process was started for. */
function stateDirOf(environment: ReadonlyMap<string, string>): string {
  return join(homeOf(Object.fromEntries(environment)), '.openclaw');
}
