import type { Clock } from '../lib/clock.ts';
import { unlessAborted, withDeadline } from '../lib/deadline.ts';
import type { RunCommand } from '../lib/run-command.ts';
import type { OpenClawInstall } from '../openclaw/install.ts';
import { askServiceManager, type ServiceState } from '../openclaw/service/manager.ts';

/** What the commands that repair a gateway depend on. */
export interface Machine {
  /** Whether the gateway is on this machine. */
  readonly local: boolean;
  readonly platform: NodeJS.Platform;
  /** The gateway's service, where a manager was there to ask and has one. */
  readonly service: ServiceState | undefined;
  /** The gateway's version: as it says itself, else as its configuration was last written. */
  readonly version: string | undefined;
  /** Whether a gateway process lives; undefined where that could not be seen. */
  readonly alive: boolean | undefined;
}

/** What the search for the gateway's service needs. */
export interface ServiceSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly run: RunCommand;
  readonly install: OpenClawInstall;
  readonly clock: Clock;
}

/** A service manager that does not answer (a wedged D-Bus) must not keep a diagnosis back. */
const ASK_MS = 5_000;

/** The gateway's service on this machine; undefined where there is none, nobody to ask, or no answer in time. */
export async function gatewayService(
  { env, platform, run, install, clock }: ServiceSearch,
  signal: AbortSignal,
): Promise<ServiceState | undefined> {
  if (!install.address.local || signal.aborted) return undefined;
  const outcome = await withDeadline({ clock, ms: ASK_MS, outer: signal }, (cut) =>
    unlessAborted(askServiceManager(platform, { env, run }, cut), cut),
  );
  return outcome?.state === 'found' ? outcome.service : undefined;
}
