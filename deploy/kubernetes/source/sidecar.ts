import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { BASIC_AUTH, exporterContainer, exporterVolumes, LABELS, NAME, PORT } from './common.ts';
import { storageClaim } from './standalone.ts';

/** Names of OpenClaw's own manifests. Source: scripts/k8s/manifests of openclaw/openclaw, 2026. */
const GATEWAY = {
  deployment: 'openclaw',
  labels: { app: 'openclaw' },
  home: 'openclaw-home',
  tmp: 'tmp-volume',
};
const STATE_DIR = '/home/node/.openclaw';

/** What a kustomization adds beside the patch of OpenClaw's Deployment. */
export function sidecar() {
  return [
    storageClaim(),
    new PodMonitor({
      metadata: { name: NAME, labels: LABELS },
      spec: {
        selector: { matchLabels: GATEWAY.labels },
        podMetricsEndpoints: [
          {
            port: PORT.name,
            interval: '15s',
            basicAuth: BASIC_AUTH,
            // A pod's name changes with each rollout; the gateway stays the same.
            relabelings: [
              {
                sourceLabels: ['__meta_kubernetes_namespace', '__meta_kubernetes_pod_label_app'],
                separator: '/',
                targetLabel: 'instance',
              },
            ],
          },
        ],
      },
    }),
  ];
}

/**
 * The patch of OpenClaw's Deployment: one pid namespace, so that the gateway's process is visible, and its
 * state folder mounted read-only.
 */
export function sidecarPatch() {
  const container = exporterContainer({
    env: [
      { name: 'HOME', value: '/home/node' },
      {
        name: 'OPENCLAW_GATEWAY_TOKEN',
        valueFrom: { secretKeyRef: { name: 'openclaw-secrets', key: 'OPENCLAW_GATEWAY_TOKEN' } },
      },
    ],
    mounts: [
      { name: GATEWAY.home, mountPath: STATE_DIR, readOnly: true },
      // Lock files of gateways before 2026.8.
      { name: GATEWAY.tmp, mountPath: '/tmp', readOnly: true },
    ],
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: GATEWAY.deployment },
    spec: {
      template: {
        spec: {
          shareProcessNamespace: true,
          containers: [container],
          volumes: exporterVolumes(NAME),
        },
      },
    },
  };
}
