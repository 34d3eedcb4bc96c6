import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readJson = (path: string): unknown => JSON.parse(read(path));
const PREVIEWS = 'grafana/previews';

const manifest = z.object({
  private: z.literal(true),
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()),
});
const lock = z.object({
  packages: z.record(z.string(), z.object({ resolved: z.string().optional() }).loose()),
});

describe('the previews of the dashboards', () => {
  const { dependencies, devDependencies } = manifest.parse(readJson(`${PREVIEWS}/package.json`));
  const versions = { ...dependencies, ...devDependencies };

  it('are a private package with exact versions, the same as in its lockfile', () => {
    const { packages } = lock.parse(readJson(`${PREVIEWS}/package-lock.json`));
    for (const [name, version] of Object.entries(versions)) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(packages[`node_modules/${name}`]?.version).toBe(version);
    }
    expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  it('are neither published nor installed with the exporter', () => {
    const { files } = z.object({ files: z.array(z.string()) }).parse(readJson('package.json'));
    expect(files).toContain(`!${PREVIEWS}`);
    const { packages } = lock.parse(readJson('package-lock.json'));
    for (const name of ['@grafana/ui', '@grafana/data', 'react', 'sharp']) {
      expect(packages).not.toHaveProperty([`node_modules/${name}`]);
    }
  });

  it('are shown by the documentation, every one of them', () => {
    const drawn = [...read(`${PREVIEWS}/source/main.ts`).matchAll(/^ {2}'?([\w-]+)'?: \{ uid: /gm)].map(
      ([, name]) => `docs/dashboards/${name}.png`,
    );
    expect(drawn.length).toBeGreaterThan(0);
    for (const path of drawn) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(read('grafana/README.md')).toContain(`(../${path})`);
    }
  });
});
