import type { ReadFact, Stranger } from '../core/facts.ts';
import type { Clock } from '../lib/clock.ts';
import { unlessAborted, withDeadline } from '../lib/deadline.ts';
import type { RunCommand } from '../lib/run-command.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { OpenClawInstall } from '../openclaw/install.ts';
import { askServiceManager, type ServiceState } from '../openclaw/service/manager.ts';

/** What the commands that repair a gateway depend on. */
export interface Machine {
  /** Whether the gateway is on this machine. */
  readonly local: boolean;
  readonly platform: NodeJS.Platform;
  /** The gateway's service, where a manager has one and answers. */
  readonly service: ServiceState | undefined;
  /** The gateway's version: as it reports it, else as its configuration was last written. */
  readonly version: string | undefined;
  /** Whether a gateway process is alive; undefined where that is unknown. */
  readonly alive: boolean | undefined;
  /** Of the gateway's process, while one is alive and visible. */
  readonly pid: number | undefined;
  /** While no gateway was ever seen for the state folder: one of another user. */
  readonly stranger?: Stranger | undefined;
}

/** A gateway elsewhere, of whose machine nothing is known. */
export const OTHER_MACHINE: Machine = {
  local: false,
  platform: process.platform,
  service: undefined,
  version: undefined,
  alive: undefined,
  pid: undefined,
};

/** What the search for the gateway's service needs. */
export interface ServiceSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly run: RunCommand;
  readonly install: OpenClawInstall;
  readonly clock: Clock;
}

/** Where a {@link MachineReader} finds what it reports. */
export interface MachineSources extends Omit<ServiceSearch, 'install'> {
  readonly install: () => OpenClawInstall;
  readonly facts: ReadFact;
  readonly metrics: Pick<Metrics, 'samplesOf'>;
}

/** A service manager that does not answer (a wedged D-Bus) must not delay a diagnosis. */
const SERVICE_MS = 5_000;
/** Services come and go seldom, and an open status page is refreshed all the time. */
const SERVICE_AGE_MS = 15_000;

/** The machine as the collectors and the service manager last saw it. */
export class MachineReader {
  readonly #sources: MachineSources;
  #service: Promise<ServiceState | undefined> = Promise.resolve(undefined);
  /** Monotonic milliseconds. */
  #serviceAt = Number.NEGATIVE_INFINITY;

  constructor(sources: MachineSources) {
    this.#sources = sources;
  }

  /** Never rejects unless `signal` fires. */
  async read(signal: AbortSignal): Promise<Machine> {
    const { platform, facts, metrics, clock } = this.#sources;
    const install = this.#sources.install();
    const now = clock.monotonic();
    if (now - this.#serviceAt > SERVICE_AGE_MS) {
      this.#serviceAt = now;
      this.#service = findService({ ...this.#sources, install }, signal);
    }
    const info = findSample(metrics, 'ping', 'openclaw_gateway_info');
    const up = findSample(metrics, 'process', 'openclaw_gateway_process_up');
    return {
      local: install.address.local,
      platform,
      service: await this.#service,
      version: info?.labels.version ?? facts('provedCredential')?.greeting?.version ?? install.writtenBy,
      alive: up === undefined ? undefined : up.value === 1,
      pid: facts('process')?.row?.pid,
      stranger: facts('stranger'),
    };
  }
}

/** The gateway's service on this machine; undefined where there is none, no manager, or no answer in time. */
export async function findService(
  { env, platform, run, install, clock }: ServiceSearch,
  signal: AbortSignal,
): Promise<ServiceState | undefined> {
  if (!install.address.local || install.serviceIsOthers || signal.aborted) return undefined;
  const outcome = await withDeadline({ clock, ms: SERVICE_MS, outer: signal }, (cut) =>
    unlessAborted(askServiceManager(platform, { env, run, profile: install.profile }, cut), cut),
  );
  return outcome?.state === 'found' ? outcome.service : undefined;
}

/** The first sample of a metric, with these labels among others, that a collector shows now. */
export function findSample(
  metrics: MachineSources['metrics'],
  collector: string,
  name: string,
  wanted: Readonly<Record<string, string>> = {},
) {
  const isWanted = (labels: Readonly<Record<string, string>>) =>
    Object.entries(wanted).every(([label, value]) => labels[label] === value);
  for (const samples of metrics.samplesOf(collector)) {
    const found = samples.find(({ family, labels }) => family.name === name && isWanted(labels));
    if (found !== undefined) return found;
  }
  return undefined;
}
