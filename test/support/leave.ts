import type { Child } from './child.ts';
import type { Exporter } from './exporter.ts';
import type { GatewayHome } from './openclaw.ts';
import { expectNoSecretShown } from './secrets.ts';

/** What a suite started, as far as it came. */
export interface Started {
  readonly exporter: Exporter | undefined;
  readonly gateway: Child | undefined;
  readonly home: GatewayHome | undefined;
}

/** Ends what a suite started, and searches all that was printed for tokens; `signal` is the exporter's. */
export async function leave({ exporter, gateway, home }: Started, signal?: NodeJS.Signals): Promise<void> {
  await exporter?.stop(signal);
  await gateway?.end('SIGKILL');
  exporter?.remove();
  home?.remove();
  expectNoSecretShown();
}
