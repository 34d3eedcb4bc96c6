import { SwallowingPort } from '../../support/swallowing-port.ts';
import { until } from '../../support/until.ts';
import { pictureOf } from '../picture.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const HOSTS = ['laptop', 'studio'] as const;

/** What a fault of the way to both hosts changes: `phases` as far as their verdict is another one than 1. */
function pathDown(phases: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    HOSTS.flatMap((host) => [
      [`ssh_up{host="${host}"}`, '0'],
      ...Object.entries(phases).map(([phase, value]) => [
        `ssh_phase_up{host="${host}",phase="${phase}"}`,
        value,
      ]),
    ]),
  );
}

/** Both hosts are one server; only `studio` is meant to be on at all times. */
const HOST_DOWN = { alerts: ['critical OpenClawSshHostDown'], pages: ['ssh-down'] } as const;
const refusedBoth = (result: string) =>
  HOSTS.map((host) => `openclaw_ssh_probes_total{host="${host}",result="${result}"}`);

export const REFUSED = pathDown({ connect: '0', banner: '0', command: '0' });

const stopped: Scenario = {
  id: 'N1',
  fault: 'sshd stopped; one host is always_on, one may sleep',
  inject: (world) => world.sshd.stop(),
  metrics: REFUSED,
  counts: refusedBoth('refused'),
  ...HOST_DOWN,
  repair: (world) => world.sshd.resume(),
};

let swallowing: SwallowingPort | undefined;

const swallowed: Scenario = {
  id: 'N2',
  fault: 'connection attempts to both hosts swallowed',
  standIn: 'a port of loopback whose backlog is full instead of a firewall',
  inject: async (world) => {
    await world.sshd.stop();
    swallowing = await SwallowingPort.open(world.sshd.port);
  },
  metrics: REFUSED,
  counts: refusedBoth('timeout'),
  ...HOST_DOWN,
  repair: async (world) => {
    await swallowing?.close();
    await world.sshd.resume();
  },
};

const silent: Scenario = {
  id: 'N3',
  fault: 'sshd stopped with SIGSTOP: its port accepts and nobody speaks',
  inject: async (world) => world.sshd.freeze(),
  metrics: pathDown({ banner: '0', command: '0' }),
  counts: refusedBoth('no_banner'),
  ...HOST_DOWN,
  repair: async (world) => world.sshd.thaw(),
};

const denied: Scenario = {
  id: 'N4',
  fault: 'the key is taken out of authorized_keys',
  inject: async (world) => world.sshd.refuseKey(),
  metrics: pathDown({ command: '0' }),
  counts: refusedBoth('auth_denied'),
  alerts: ['warning OpenClawSshAuthDenied'],
  pages: [],
  repair: async (world) => world.sshd.acceptKey(),
};

const changed: Scenario = {
  id: 'N5',
  fault: 'sshd comes back with another host key',
  inject: (world) => world.sshd.renewHostKey(),
  metrics: pathDown({ command: '0' }),
  counts: refusedBoth('host_key_changed'),
  alerts: ['critical OpenClawSshHostKeyChanged'],
  pages: ['security'],
  repair: async (world) => world.sshd.know(),
};

const FLAPS = 4;

/** sshd comes and goes so often that the path flaps, each time seen. */
export async function flap(world: World): Promise<void> {
  const seen = (value: string) =>
    until(
      async () => {
        const picture = pictureOf(await world.series());
        return HOSTS.every((host) => picture[`ssh_up{host="${host}"}`] === value);
      },
      { what: `ssh_up to be ${value}`, timeoutMs: 15_000, everyMs: 100 },
    );
  for (let round = 0; round < FLAPS; round += 1) {
    await world.sshd.stop();
    await seen('0');
    await world.sshd.resume();
    await seen('1');
  }
}

const flapping: Scenario = {
  id: 'N6',
  fault: `sshd stops and comes back ${FLAPS} times`,
  inject: flap,
  metrics: {},
  counts: HOSTS.map((host) => `openclaw_ssh_transitions_total{host="${host}"}`),
  alerts: ['warning OpenClawSshFlapping'],
  remembered: ['warning OpenClawSshFlapping'],
  pages: [],
  repair: async () => undefined,
};

const unresolved: Scenario = {
  id: 'N7',
  fault: 'the name of a host does not resolve',
  inject: async (world) => {
    const hosts = world.config.ssh.hosts.map((host) => ({ ...host, target: 'nobody.invalid' }));
    world.exporter.reconfigure({ ...world.config, ssh: { ...world.config.ssh, hosts } });
  },
  metrics: pathDown({ resolve: '0', connect: '0', banner: '0', command: '0' }),
  counts: refusedBoth('resolve_failed'),
  ...HOST_DOWN,
  repair: async (world) => world.exporter.reconfigure(world.config),
};

export const NETWORK = [stopped, swallowed, silent, denied, changed, flapping, unresolved];
