import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { causesPage } from './causes-page.ts';
import { configurationPage } from './configuration-page.ts';
import { intervalsPage } from './intervals-page.ts';
import { metricsPage } from './metrics-page.ts';
import { repairsPage } from './repairs-page.ts';
import { versionsPage } from './versions-page.ts';
import { yearPage } from './year-page.ts';

/** A page with its path below the repository's root. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** Every generated page of the reference. */
export function referencePages(): readonly Page[] {
  return [
    { path: 'docs/metrics.md', text: metricsPage() },
    { path: 'docs/configuration.md', text: configurationPage() },
    { path: 'docs/causes.md', text: causesPage() },
    { path: 'docs/repairs.md', text: repairsPage() },
    { path: 'docs/versions.md', text: versionsPage() },
    { path: 'docs/year.md', text: yearPage() },
    { path: 'docs/intervals.md', text: intervalsPage() },
  ];
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..', '..');
  for (const { path, text } of referencePages()) writeFileSync(join(root, path), text);
}
