import type { CollectorContext } from '../../core/context.ts';
import { unlessLate } from '../../lib/deadline.ts';
import type { OpenClawInstall } from '../../openclaw/install.ts';
import { askServiceManager, type ServiceOutcome, type ServiceState } from '../../openclaw/service/manager.ts';

/** A manager that does not answer (a wedged D-Bus) must not keep back what is known of the process. */
const WAIT_MS = 1_000;

/** The gateway's service in one run: asked once, for process and service alike. */
export class ServiceRun {
  readonly #context: CollectorContext;
  readonly #install: OpenClawInstall;
  #outcome: Promise<ServiceOutcome> | undefined;

  constructor(context: CollectorContext, install: OpenClawInstall) {
    this.#context = context;
    this.#install = install;
  }

  /** What the manager reports; a service that starts the gateway of another state folder is none of ours. */
  ask(signal: AbortSignal): Promise<ServiceOutcome> {
    const { env, platform, run } = this.#context;
    const { profile, serviceIsOthers } = this.#install;
    this.#outcome ??= serviceIsOthers
      ? Promise.resolve({ state: 'no_service' })
      : askServiceManager(platform, { env, run, profile }, signal);
    return this.#outcome;
  }

  /** The service, where the manager tells soon. */
  async soon(signal: AbortSignal): Promise<ServiceState | undefined> {
    const asked = this.ask(signal);
    asked.catch(() => undefined);
    const outcome = await unlessLate(asked, WAIT_MS, this.#context.clock);
    return outcome?.state === 'found' ? outcome.service : undefined;
  }
}
