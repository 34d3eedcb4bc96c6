import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newToken } from '../support/openclaw.ts';
import { replaceBy, rewriteConfig, type VoicedFault } from './stage.ts';

/** Faults of tokens and of what they open. */
export const TOKEN_FAULTS: readonly VoicedFault[] = [
  {
    id: 'T1',
    fault: 'gateway restarted with another token',
    inject: async (stage) => {
      await stage.gateway.end('SIGKILL');
      stage.gateway = await stage.place.startReady(newToken());
    },
    seen: ['openclaw_gateway_token_match', {}, 0],
  },
  {
    id: 'T2',
    fault: '.env holds another token, the gateway goes on with the configured one',
    inject: ({ place }) =>
      appendFileSync(join(place.stateDir, '.env'), `OPENCLAW_GATEWAY_TOKEN=${newToken()}\n`),
    seen: ['openclaw_gateway_token_variants', {}, 2],
  },
  {
    id: 'T8',
    fault: 'sessions_list fails',
    inject: (stage) => replaceBy(stage, 'function'),
    seen: ['openclaw_gateway_function_up', {}, 0],
  },
  {
    id: 'T2+T8',
    fault: 'sessions_list fails since .env shadows the token',
    inject: async (stage) => {
      appendFileSync(join(stage.place.stateDir, '.env'), `OPENCLAW_GATEWAY_TOKEN=${newToken()}\n`);
      await replaceBy(stage, 'function');
    },
    seen: ['openclaw_gateway_function_up', {}, 0],
  },
  {
    id: 'T5',
    fault: 'no token configured anywhere',
    prepare: (stage) => rewriteConfig(stage, undefined),
    seen: ['openclaw_gateway_token_present', { credential: 'config' }, 0],
  },
  {
    id: 'unreadable credential',
    fault: 'gateway.token_file does not exist',
    config: ({ place }) => ({
      gateway: { startup_window: '1s', token_file: join(place.stateDir, 'absent.token') },
    }),
    seen: ['openclaw_gateway_up', {}, 1],
  },
  {
    id: 'T3',
    fault: 'the service file holds an old token',
    inject: ({ place }) => {
      const folder = join(place.env.HOME ?? '', '.config', 'systemd', 'user');
      mkdirSync(folder, { recursive: true });
      const unit = `[Service]\nExecStart=/usr/bin/openclaw gateway --port ${place.port}\nEnvironment=OPENCLAW_GATEWAY_TOKEN=${newToken()}\n`;
      writeFileSync(join(folder, 'openclaw-gateway.service'), unit);
    },
    seen: ['openclaw_gateway_token_in_sync', { credential: 'service' }, 0],
  },
  {
    id: 'T4',
    fault: '.env holds the same token in quotes',
    inject: ({ place, token }) =>
      appendFileSync(join(place.stateDir, '.env'), `OPENCLAW_GATEWAY_TOKEN="${token}"\n`),
    seen: ['openclaw_gateway_token_in_sync', { credential: 'dotenv' }, 1],
  },
  {
    id: 'T6',
    fault: 'the gateway refuses this address after too many failed attempts',
    inject: (stage) => replaceBy(stage, 'locked-long'),
    seen: ['openclaw_gateway_auth_locked_until_timestamp_seconds', {}, (at) => at > 0],
  },
  {
    id: 'T7',
    fault: 'a protocol of a later version',
    inject: (stage) => replaceBy(stage, 'protocol'),
    seen: ['openclaw_gateway_auth_attempts_total', { result: 'protocol_mismatch' }, (count) => count > 0],
    rising: [
      {
        name: 'openclaw_gateway_auth_attempts_total',
        labels: { result: 'protocol_mismatch' },
        perMinute: 1 / 30,
      },
    ],
  },
  {
    id: 'T9',
    fault: 'the tool policy hides sessions_list',
    inject: (stage) => replaceBy(stage, 'hidden'),
    seen: ['openclaw_gateway_function_up', {}, undefined],
  },
];
