import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { kubernetesFiles, manifests } from '../../../deploy/kubernetes/source/main.ts';
import { EXAMPLE_CONFIG } from '../../../deploy/kubernetes/source/standalone.ts';
import { COLLECTOR_DEFAULTS } from '../../../src/collectors/index.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { blocksOf, textOf } from '../../support/pages.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const run = promisify(execFile);
const hasKubectl = existsSync('/usr/bin/kubectl');

const manifestSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({}).optional(),
  data: z.record(z.string(), z.string()).optional(),
});
type Manifest = z.output<typeof manifestSchema>;

const podSchema = z.looseObject({
  template: z.looseObject({
    spec: z.looseObject({
      shareProcessNamespace: z.boolean().optional(),
      containers: z.array(z.looseObject({ name: z.string(), securityContext: z.unknown().optional() })),
      volumes: z.array(z.looseObject({ name: z.string() })),
    }),
  }),
});

/** What `kubectl kustomize` makes of a folder. */
async function render(folder: string): Promise<Manifest[]> {
  const { stdout } = await run('kubectl', ['kustomize', folder], { maxBuffer: 16 * 1024 * 1024 });
  return parseAllDocuments(stdout).map((document) => manifestSchema.parse(document.toJS()));
}

function podOf(all: readonly Manifest[], name: string) {
  const found = all.find((one) => one.kind === 'Deployment' && one.metadata.name === name);
  return podSchema.parse(found?.spec).template.spec;
}

describe('the manifests for Kubernetes', () => {
  it('are what their source says now (otherwise: npm run kubernetes)', () => {
    for (const { path, text } of kubernetesFiles()) {
      expect(readFileSync(join(ROOT, path), 'utf8') === text, `${path} is stale`).toBe(true);
    }
  });

  it('fit the published schemas of their kinds', () => {
    for (const manifest of Object.values(manifests()).flat()) {
      expect(() => manifest.validate(), JSON.stringify(manifest.toJSON()).slice(0, 200)).not.toThrow();
    }
  });

  it('start the stand-alone exporter with a configuration it accepts', () => {
    expect(parseConfig(EXAMPLE_CONFIG, COLLECTOR_DEFAULTS)).toMatchObject({ state: 'valid' });
  });
});

describe.skipIf(!hasKubectl)('rendered by kubectl', () => {
  it('the stand-alone exporter may write nowhere but to its storage and runs without privileges', async () => {
    const all = await render(join(ROOT, 'deploy', 'kubernetes', 'standalone'));
    expect(all.map(({ kind }) => kind).toSorted()).toEqual([
      'ConfigMap',
      'Deployment',
      'NetworkPolicy',
      'PersistentVolumeClaim',
      'Probe',
      'Service',
      'ServiceMonitor',
    ]);
    const { containers } = podOf(all, 'openclaw-gateway-exporter');
    for (const { securityContext } of containers) {
      expect(securityContext).toMatchObject({
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        runAsNonRoot: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it("the sidecar joins the gateway's Deployment by the kustomization that the documentation shows", async () => {
    const folder = tempFolder();
    const [kustomization = ''] = blocksOf(textOf('docs/kubernetes.md'), 'kustomization');
    writeFileSync(join(folder, 'kustomization.yaml'), kustomization);
    writeFileSync(join(folder, 'gateway.yaml'), GATEWAY);
    cpSync(join(ROOT, 'deploy', 'kubernetes', 'sidecar'), join(folder, 'sidecar'), { recursive: true });
    const all = await render(folder);
    const pod = podOf(all, 'openclaw');
    expect(pod.containers.map(({ name }) => name).toSorted()).toEqual(['exporter', 'gateway']);
    expect(pod.shareProcessNamespace).toBe(true);
    const names = pod.volumes.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['openclaw-home', 'exporter-storage', 'exporter-web']));
    expect(all.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['PodMonitor', 'PersistentVolumeClaim']),
    );
  });

  it('the rules and routes are one PrometheusRule and one AlertmanagerConfig', async () => {
    const all = await render(join(ROOT, 'prometheus', 'kubernetes'));
    expect(all.map(({ kind }) => kind).toSorted()).toEqual(['AlertmanagerConfig', 'PrometheusRule']);
  });

  it('each dashboard is a ConfigMap with the label that Grafana selects', async () => {
    const all = await render(join(ROOT, 'grafana'));
    for (const { kind, metadata, data } of all) {
      expect(kind).toBe('ConfigMap');
      expect(metadata).toMatchObject({ labels: { grafana_dashboard: '1' } });
      const [[file = '', text = ''] = []] = Object.entries(data ?? {});
      expect(text).toBe(readFileSync(join(ROOT, 'grafana', 'dashboards', file), 'utf8'));
    }
  });
});

/** Names as in OpenClaw's own manifests, and nothing more. */
const GATEWAY = `apiVersion: apps/v1
kind: Deployment
metadata: { name: openclaw }
spec:
  selector: { matchLabels: { app: openclaw } }
  template:
    metadata: { labels: { app: openclaw } }
    spec:
      containers: [{ name: gateway, image: "ghcr.io/openclaw/openclaw:slim" }]
      volumes: [{ name: openclaw-home, emptyDir: {} }, { name: tmp-volume, emptyDir: {} }]
`;
