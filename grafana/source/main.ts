import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { access } from './access.ts';
import { cron } from './cron.ts';
import { exporter } from './exporter.ts';
import { fleet } from './fleet.ts';
import { gateway } from './gateway.ts';
import { network } from './network.ts';
import { overview } from './overview.ts';

/** Every dashboard, in the order in which one looks. */
export function dashboards(): Dashboard[] {
  return [overview(), fleet(), gateway(), access(), cron(), network(), exporter()];
}

/** A generated file: its path below the repository's root, its text. */
export interface DashboardFile {
  readonly path: string;
  readonly text: string;
}

/** The dashboards as Grafana imports them. */
export function dashboardFiles(): DashboardFile[] {
  return dashboards().map((dashboard) => ({
    path: `grafana/dashboards/${dashboard.uid}.json`,
    text: `${JSON.stringify(dashboard, null, 2)}\n`,
  }));
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..', '..');
  for (const { path, text } of dashboardFiles()) writeFileSync(join(root, path), text);
}
