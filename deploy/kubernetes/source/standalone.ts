import { Probe, ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PersistentVolumeClaim, Service } from 'kubernetes-models/v1';
import {
  BASIC_AUTH,
  exporterContainer,
  exporterVolumes,
  LABELS,
  NAME,
  POD_SECURITY,
  PORT,
} from './common.ts';

/** The gateway of the example configuration; the Probe asks for it by this name. */
const EXAMPLE_TARGET = 'studio';
const CONFIG_FOLDER = '/etc/openclaw-gateway-exporter/config';
const TOKENS_FOLDER = '/etc/openclaw-gateway-exporter/tokens';

/** The configuration that the stand-alone exporter starts with; YAML text. */
export const EXAMPLE_CONFIG = `# Which gateways this exporter probes. Tokens: Secret ${NAME}-tokens, one key for each gateway.
gateways:
  - name: ${EXAMPLE_TARGET}
    url: ws://openclaw.openclaw.svc:18789
    token_file: ${TOKENS_FOLDER}/${EXAMPLE_TARGET}
# No gateway runs beside this exporter: nothing here to collect.
collectors:
  process: { enabled: false }
  ping: { enabled: false }
  token: { enabled: false }
  api: { enabled: false }
  cron: { enabled: false }
`;

/** An exporter for gateways elsewhere in the cluster, asked over `/probe`. */
export function standalone() {
  const config = { name: 'config', configMap: { name: `${NAME}-config` } };
  const tokens = { name: 'tokens', secret: { secretName: `${NAME}-tokens`, optional: true } };
  const container = exporterContainer({
    args: [`--config.file=${CONFIG_FOLDER}/exporter.yml`],
    mounts: [
      { name: config.name, mountPath: CONFIG_FOLDER, readOnly: true },
      { name: tokens.name, mountPath: TOKENS_FOLDER, readOnly: true },
    ],
  });
  return [
    new Deployment({
      metadata: { name: NAME, labels: LABELS },
      spec: {
        replicas: 1,
        // Two exporters must not share one storage path, nor one limit of failed logins.
        strategy: { type: 'Recreate' },
        selector: { matchLabels: LABELS },
        template: {
          metadata: { labels: LABELS },
          spec: {
            automountServiceAccountToken: false,
            securityContext: POD_SECURITY,
            containers: [container],
            volumes: [...exporterVolumes(NAME), config, tokens],
          },
        },
      },
    }),
    storageClaim(),
    new Service({
      metadata: { name: NAME, labels: LABELS },
      spec: { selector: LABELS, ports: [{ name: PORT.name, port: PORT.number, targetPort: PORT.name }] },
    }),
    new ServiceMonitor({
      metadata: { name: NAME, labels: LABELS },
      spec: {
        selector: { matchLabels: LABELS },
        endpoints: [{ port: PORT.name, interval: '15s', basicAuth: BASIC_AUTH }],
      },
    }),
    exampleProbe(),
    fromPrometheusAlone(LABELS),
  ];
}

/** Asks the exporter for each target of its configuration; the label says which exporter is the watcher. */
function exampleProbe() {
  return new Probe({
    metadata: { name: NAME, labels: LABELS },
    spec: {
      jobName: 'openclaw-probe',
      module: 'gateway',
      interval: '15s',
      scrapeTimeout: '10s',
      basicAuth: BASIC_AUTH,
      prober: { url: `${NAME}:${PORT.number}`, path: '/probe' },
      targets: {
        staticConfig: { static: [EXAMPLE_TARGET], labels: { watcher: NAME } },
      },
    },
  });
}

/** The claim behind the exporter's storage path: totals and limits that survive a pod. */
export function storageClaim() {
  return new PersistentVolumeClaim({
    metadata: { name: NAME, labels: LABELS },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '256Mi' } } },
  });
}

/**
 * Lets only pods of a namespace named `monitoring` reach the exporter's port of
 * the pods that `labels` select.
 */
function fromPrometheusAlone(labels: Readonly<Record<string, string>>) {
  return new NetworkPolicy({
    metadata: { name: NAME, labels: LABELS },
    spec: {
      podSelector: { matchLabels: labels },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
          ports: [{ protocol: 'TCP', port: PORT.name }],
        },
      ],
    },
  });
}
