import type { Container } from 'kubernetes-models/v1';

/** Name of everything the manifests create. */
export const NAME = 'openclaw-gateway-exporter';
/** The exporter's port, by number and by the name that monitors select. */
export const PORT = { name: 'exporter', number: 10_789 } as const;
/** Labels by which Services, monitors and policies select the exporter. */
export const LABELS = { 'app.kubernetes.io/name': NAME } as const;
/** The image that `docker build` of this repository makes; `images:` of a kustomization replaces it. */
const IMAGE = `${NAME}:latest`;
const STORAGE = '/var/lib/openclaw-gateway-exporter';
const WEB_FOLDER = '/etc/openclaw-gateway-exporter/web';
/**
 * User `node` of the image, and of OpenClaw's own image: one uid sees both processes and the state folder.
 */
const UID = 1000;

/** Secret with `web.yml` (the web configuration), `username` and `password` (for Prometheus). */
const WEB_SECRET = `${NAME}-web`;

/** Basic authentication of the monitors: keys of {@link WEB_SECRET}. */
export const BASIC_AUTH = {
  username: { name: WEB_SECRET, key: 'username' },
  password: { name: WEB_SECRET, key: 'password' },
} as const;

/** The volumes that {@link exporterContainer} mounts, for a pod whose state lies in `storage`. */
export function exporterVolumes(claimName: string) {
  return [
    { name: 'exporter-storage', persistentVolumeClaim: { claimName } },
    {
      name: 'exporter-web',
      secret: { secretName: WEB_SECRET, items: [{ key: 'web.yml', path: 'web.yml' }] },
    },
  ];
}

/** What one use of the exporter's container adds to it. */
interface ContainerOptions {
  readonly args?: readonly string[];
  readonly env?: NonNullable<Container['env']>;
  readonly mounts?: NonNullable<Container['volumeMounts']>;
}

/**
 * The exporter's container: no privileges, a read-only root, and one folder to write to. It listens on the
 * pod's own address, which is why a web configuration with passwords is mounted. Requests and limits:
 * docs/benchmarks.md, "scrape at size" (139 MiB resident at 1,000 jobs, 265 MiB at 10,000).
 */
export function exporterContainer({ args = [], env = [], mounts = [] }: ContainerOptions) {
  const address = `$(POD_IP):${PORT.number}`;
  const probe = { exec: { command: ['node', 'docker/healthcheck.ts'] }, timeoutSeconds: 6 };
  return {
    name: 'exporter',
    image: IMAGE,
    args: [
      `--storage.path=${STORAGE}`,
      `--web.listen-address=${address}`,
      `--web.config.file=${WEB_FOLDER}/web.yml`,
      ...args,
    ],
    env: [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'EXPORTER_ADDRESS', value: address },
      ...env,
    ],
    ports: [{ name: PORT.name, containerPort: PORT.number }],
    startupProbe: { ...probe, periodSeconds: 5, failureThreshold: 12 },
    livenessProbe: { ...probe, periodSeconds: 30, failureThreshold: 3 },
    resources: { requests: { cpu: '25m', memory: '160Mi' }, limits: { memory: '384Mi' } },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: UID,
      runAsGroup: UID,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'exporter-storage', mountPath: STORAGE },
      { name: 'exporter-web', mountPath: WEB_FOLDER, readOnly: true },
      ...mounts,
    ],
  };
}

/** Pod settings that the restricted pod security standard asks for. */
export const POD_SECURITY = {
  fsGroup: UID,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;
