import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../support/child.ts';
import { newToken } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import { closeListener, startProxyToNothing, startStandIn, startStranger } from '../support/stand-in.ts';
import { StandInPlace } from '../support/status-world.ts';
import { replaceBy, rewriteConfig, state, type VoicedFault } from './stage.ts';

/** The one child of a shell that became another program. */
const childOf = ({ pid }: Child): number =>
  Number(
    execFileSync('pgrep', ['-P', String(pid)])
      .toString()
      .split('\n')[0],
  );

/** Faults of the process and of its answers. */
export const GATEWAY_FAULTS: readonly VoicedFault[] = [
  { id: 'none', fault: 'healthy', seen: ['openclaw_gateway_function_up', {}, 1] },
  {
    id: 'G1',
    fault: 'gateway killed',
    inject: ({ gateway }) => gateway.end('SIGKILL'),
    seen: ['openclaw_gateway_process_up', {}, 0],
  },
  {
    id: 'G2',
    fault: 'gateway stopped with SIGSTOP',
    inject: ({ gateway }) => gateway.signal('SIGSTOP'),
    seen: state('hung'),
  },
  {
    id: 'G3',
    fault: 'process alive, listener gone',
    prepare: async (stage) => {
      await stage.gateway.end('SIGKILL');
      stage.gateway = await startStandIn('2026.9.6', stage.place.port, stage.place.env);
    },
    inject: ({ gateway }) => closeListener(gateway),
    seen: ['openclaw_gateway_listener_up', {}, 0],
  },
  {
    id: 'G4',
    fault: 'another program answers on the port',
    inject: async (stage) => {
      await stage.gateway.end('SIGKILL');
      const stranger = await startStranger(stage.place.port);
      stage.ends.push(() => stranger.end('SIGKILL').then(() => undefined));
    },
    seen: state('foreign'),
  },
  {
    id: 'G10',
    fault: 'not ready, one channel failing',
    inject: (stage) => replaceBy(stage, 'ready'),
    seen: ['openclaw_gateway_ready', {}, 0],
  },
  {
    id: 'G13',
    fault: 'draining before a stop',
    inject: (stage) => replaceBy(stage, 'draining'),
    seen: state('draining'),
  },
  {
    id: 'G1, placeholder',
    fault: 'gateway down, and openclaw.json holds a placeholder with which 2026.9.6 does not start',
    prepare: (stage) => rewriteConfig(stage, 'undefined', {}, { meta: { lastTouchedVersion: '2026.9.6' } }),
    inject: ({ gateway }) => gateway.end('SIGKILL'),
    seen: ['openclaw_gateway_process_up', {}, 0],
  },
  {
    id: 'G5',
    fault: 'crash loop: it dies and is restarted again and again',
    inject: async (stage) => {
      for (let restarts = 1; restarts <= 4; restarts += 1) {
        await stage.gateway.end('SIGKILL');
        stage.gateway = await stage.place.startReady();
        await stage.untilSeen(['openclaw_gateway_process_restarts_total', {}, restarts]);
      }
    },
    seen: ['openclaw_gateway_process_restarts_total', {}, 4],
    rising: [{ name: 'openclaw_gateway_process_restarts_total', perMinute: 1 }],
  },
  {
    id: 'G6',
    fault: 'one clean restart',
    inject: async (stage) => {
      await stage.gateway.end('SIGTERM');
      stage.gateway = await stage.place.startReady();
    },
    seen: ['openclaw_gateway_process_restarts_total', {}, 1],
  },
  {
    id: 'G7',
    fault: 'slow start: a young process that does not answer yet',
    config: () => ({ gateway: { startup_window: '10m' } }),
    prepare: (stage) => replaceBy(stage, 'starting'),
    seen: state('starting'),
  },
  {
    id: 'G8',
    fault: 'a second gateway on the same state folder',
    inject: ({ place, ends }) => {
      const program = "process.title = 'openclaw-gateway'; setInterval(() => 0, 60_000)";
      const second = new Child(process.execPath, ['-e', program], { env: place.env });
      ends.push(() => second.end('SIGKILL'));
    },
    seen: ['openclaw_gateway_processes', {}, 2],
  },
  {
    id: 'G12',
    fault: 'files leak towards the limit',
    inject: (stage) => replaceBy(stage, 'files', ['prlimit', '--nofile=256']),
    seen: ['openclaw_gateway_process_max_fds', {}, 256],
  },
  {
    id: 'G14',
    fault: 'zombie: its parent does not collect it',
    prepare: (stage) => replaceBy(stage, 'none', ['sh', '-c', '"$0" "$@" & exec sleep 600']),
    inject: ({ gateway }) => {
      process.kill(childOf(gateway), 'SIGKILL');
    },
    seen: ['openclaw_gateway_process_state', { state: 'zombie' }, 1],
  },
  {
    id: 'G15',
    fault: 'half of an answer, then silence',
    inject: (stage) => replaceBy(stage, 'half-body'),
    seen: ['openclaw_gateway_up', {}, 0],
  },
  {
    id: 'G17',
    fault: 'openclaw.json names another port than the one on which it listens',
    inject: async (stage) => rewriteConfig(stage, stage.token, { port: await freePort() }),
    seen: ['openclaw_gateway_listen_info', { configured: 'false' }, 1],
  },
  {
    id: 'G18',
    fault: 'gateway dead; one of another home lives on the machine',
    inject: async (stage) => {
      await stage.gateway.end('SIGKILL');
      const other = await StandInPlace.create();
      other.configure(newToken());
      const stranger = await other.startReady();
      stage.ends.push(async () => {
        await stranger.end('SIGKILL');
        other.remove();
      });
    },
    seen: ['openclaw_gateway_process_up', {}, 0],
  },
  {
    id: 'G19',
    fault: 'openclaw.json is no JSON5',
    inject: ({ place }) => writeFileSync(join(place.stateDir, 'openclaw.json'), '{ "gateway": '),
    seen: ['openclaw_gateway_token_present', { credential: 'config' }, undefined],
  },
  {
    id: 'G20',
    fault: 'a proxy holds the port, and nothing is behind it',
    inject: async (stage) => {
      await stage.gateway.end('SIGKILL');
      stage.gateway = await startProxyToNothing(stage.place.port);
    },
    seen: ['openclaw_gateway_up', {}, 0],
  },
  {
    id: 'G21',
    fault: 'a proxy that the gateway does not trust: 403 for all but /healthz',
    inject: (stage) => replaceBy(stage, 'untrusted'),
    seen: ['openclaw_gateway_ready', {}, undefined],
  },
  {
    id: 'G26',
    fault: 'children pile up',
    inject: (stage) => replaceBy(stage, 'children'),
    seen: ['openclaw_gateway_children', { kind: 'other' }, (count) => count >= 60],
  },
  {
    id: 'H1',
    fault: 'a configured channel is not connected',
    prepare: (stage) => {
      const account = { enabled: true, botToken: newToken() };
      rewriteConfig(stage, stage.token, {}, { channels: { telegram: account } });
    },
    inject: (stage) => replaceBy(stage, 'ready'),
    seen: ['openclaw_channel_up', { channel: 'telegram' }, 0],
  },
  {
    id: 'maintenance + G1',
    fault: 'gateway killed during planned maintenance',
    inject: async (stage) => {
      await stage.startMaintenance();
      await stage.gateway.end('SIGKILL');
    },
    seen: ['openclaw_gateway_process_up', {}, 0],
  },
];
