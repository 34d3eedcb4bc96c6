import type { Evidence } from '../core/collector.ts';
import type { Fault } from '../lib/faults.ts';
import { CAUSES, statesFact } from './causes.ts';

/** The alert whose runbook is for a fault; a fault without one is repaired by its own step alone. */
export const RUNBOOKS: Readonly<Partial<Record<Fault, string>>> = {
  'forwarder-gone': 'OpenClawGatewayDown',
  'behind-forwarder': 'OpenClawGatewayDown',
  'trusted-proxies': 'OpenClawProxyRefusing',
  unreachable: 'OpenClawGatewayDown',
  'crash-loop': 'OpenClawGatewayCrashLoop',
  'service-loop': 'OpenClawServiceRestartLoop',
  disk: 'OpenClawDiskFilling',
  'port-held': 'OpenClawGatewayPortForeign',
  'port-foreign': 'OpenClawGatewayPortForeign',
  'process-stopped': 'OpenClawGatewayHung',
  'gateway-hung': 'OpenClawGatewayHung',
  'listener-gone': 'OpenClawGatewayListenerGone',
  'start-overdue': 'OpenClawGatewayStartOverdue',
  'gateway-down': 'OpenClawGatewayDown',
  'service-down': 'OpenClawGatewayDown',
  duplicate: 'OpenClawGatewayDuplicate',
  children: 'OpenClawChildrenPileUp',
  'fd-leak': 'OpenClawGatewayFileLeak',
  'wal-pinned': 'OpenClawStateGrowing',
  'address-drift': 'OpenClawAddressDrift',
  'version-skew': 'OpenClawVersionSkew',
  'config-newer': 'OpenClawConfigNewer',
  'update-failed': 'OpenClawUpdateFailed',
  oom: 'OpenClawOomKilled',
  'safe-mode': 'OpenClawGatewaySafeMode',
  starting: 'OpenClawGatewayStartOverdue',
  draining: 'OpenClawGatewayDraining',
  'not-ready': 'OpenClawGatewayNotReady',
  'channel-down': 'OpenClawChannelDown',
  'token-mismatch': 'OpenClawTokenMismatch',
  'token-drift': 'OpenClawTokenDrift',
  'token-placeholder': 'OpenClawTokenMissing',
  'token-unreadable': 'OpenClawTokenMissing',
  'lock-out': 'OpenClawAuthLockout',
  protocol: 'OpenClawProtocolMismatch',
  'delivery-queue': 'OpenClawDeliveryQueueStuck',
  ingress: 'OpenClawIngressStuck',
  'partial-failure': 'OpenClawPartialFailure',
  'cron-stopped': 'OpenClawCronStopped',
  'model-access': 'OpenClawModelAccess',
  'credential-cooldown': 'OpenClawProviderCredentialCooldown',
  'credential-expiry': 'OpenClawProviderCredentialExpiring',
  'credential-refresh': 'OpenClawProviderLoginLost',
  'cron-failing': 'OpenClawCronJobFailing',
  overdue: 'OpenClawCronJobOverdue',
  'source-lost': 'OpenClawCronSourceLost',
  'ssh-down': 'OpenClawSshHostDown',
  'ssh-auth': 'OpenClawSshAuthDenied',
  'ssh-check': 'OpenClawSshCheckPending',
  'ssh-throttled': 'OpenClawSshThrottled',
  security: 'OpenClawSshHostKeyChanged',
  'clock-skew': 'OpenClawClockSkew',
  'tailscale-down': 'OpenClawTailscaleDown',
};

/** The alert whose runbook is for this evidence; undefined where nothing is wrong or there is no runbook. */
export function findRunbook(evidence: Evidence): string | undefined {
  const { verdict, fault } = evidence;
  if (verdict !== 'bad' && verdict !== 'warning') return undefined;
  if (fault !== undefined) return RUNBOOKS[fault];
  // Evidence that names no fault states that of its layer only where it is bad.
  const row = verdict === 'bad' ? CAUSES.find((cause) => statesFact(cause, evidence)) : undefined;
  return row === undefined ? undefined : RUNBOOKS[row.fault];
}
