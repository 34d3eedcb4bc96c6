import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { declareMaintenance, endMaintenance } from '../../../src/state/maintenance.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { GONE } from './gateway.ts';

const killed: Scenario = {
  id: 'X1',
  fault: 'exporter killed with SIGKILL',
  inject: (world) => world.killExporter(),
  metrics: 'gone',
  alerts: ['critical OpenClawExporterDown'],
  pages: ['exporter-down'],
  repair: (world) => world.startExporter(),
};

const hung: Scenario = {
  id: 'X2',
  fault: "ssh's configuration becomes a pipe that nobody writes to: the collectors of both hosts hang",
  inject: async (world) => {
    const path = join(world.sshd.folder, 'hanging_config');
    execFileSync('mkfifo', [path]);
    world.exporter.reconfigure({ ...world.config, ssh: { ...world.config.ssh, config_file: path } });
  },
  metrics: {
    'exporter_collector_up{collector="ssh"}': '0',
    ...Object.fromEntries(
      ['laptop', 'studio'].flatMap((host) => [
        [`ssh_up{host="${host}"}`, 'absent'],
        [`ssh_host_always_on{host="${host}"}`, 'absent'],
        ...['resolve', 'connect', 'banner', 'command'].map((phase) => [
          `ssh_phase_up{host="${host}",phase="${phase}"}`,
          'absent',
        ]),
      ]),
    ),
  },
  alerts: ['warning OpenClawCollectorStale'],
  pages: [],
  repair: async (world) => {
    world.exporter.reconfigure(world.config);
    rmSync(join(world.sshd.folder, 'hanging_config'));
  },
};

async function restartWithState(world: World, change: (path: string) => void): Promise<void> {
  await world.killExporter();
  const { storagePath } = world.exporter;
  for (const name of readdirSync(storagePath)) {
    if (name.startsWith('state')) change(join(storagePath, name));
  }
  await world.startExporter();
}

const corrupt: Scenario = {
  id: 'X3',
  fault: 'state file damaged while the exporter is away',
  // What only the state remembers of former scenarios is forgotten with it.
  prepare: (world) => restartWithState(world, (path) => rmSync(path)),
  inject: (world) => restartWithState(world, (path) => writeFileSync(path, '{"damaged')),
  metrics: {},
  alerts: ['warning OpenClawExporterStateLost'],
  remembered: ['warning OpenClawExporterStateLost'],
  pages: [],
  repair: async () => undefined,
};

const reload: Scenario = {
  id: 'X4',
  fault: 'configuration with a mistake, reloaded with SIGHUP',
  inject: async (world) => world.exporter.reconfigure('gateway: [nonsense\n'),
  metrics: { exporter_config_last_reload_successful: '0' },
  alerts: ['warning OpenClawExporterReloadFailed'],
  pages: [],
  repair: async (world) => world.exporter.reconfigure(world.config),
};

const HALF_AN_HOUR_MS = 30 * 60_000;

const maintained: Scenario = {
  id: 'maintenance+G1',
  fault: 'maintenance declared, then the gateway killed',
  prepare: async (world) => declareMaintenance(world.exporter.storagePath, Date.now() + HALF_AN_HOUR_MS),
  inject: (world) => world.killGateway(),
  metrics: { ...GONE, gateway_maintenance: '1' },
  alerts: ['critical OpenClawGatewayDown', 'info OpenClawMaintenance'],
  pages: [],
  repair: async (world) => {
    await world.startGateway();
    await world.untilWell();
    endMaintenance(world.exporter.storagePath);
  },
  afterwards: ['info OpenClawGatewayRestarted'],
};

export const EXPORTER = [killed, hung, corrupt, reload, maintained];
