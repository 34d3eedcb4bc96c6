import { appendFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FreshClone } from '../support/fresh-clone.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const FROM_SOURCES = 'running from TypeScript sources';
const QUIET = '--no-audit --no-fund';

describe('npm start in a fresh clone', () => {
  let clone: FreshClone;

  beforeAll(() => {
    clone = FreshClone.make();
  });

  afterAll(() => clone?.remove());

  async function run(command: string): Promise<string> {
    const child = clone.shell(command, { HOME: tempFolder() });
    expect(`${await child.exited}\n${child.output}`).toMatch(/^0\n/);
    return child.output;
  }

  /**
   * What the exporter says until it serves; `node` is the program that runs it,
   * npm's choice where none is named.
   */
  async function startOutput(node?: string): Promise<string> {
    const flags = `--web.listen-address=127.0.0.1:0 --storage.path=${tempFolder()}`;
    const command = node === undefined ? `npm start -- ${flags}` : `${node} src/launch.js ${flags}`;
    const child = clone.shell(command, { HOME: tempFolder() });
    try {
      await until(() => child.output.includes('msg=serving'), {
        what: 'the exporter to serve',
        timeoutMs: 60_000,
      });
      return child.output;
    } finally {
      await clone.interrupt(child);
    }
  }

  const isBuilt = () => existsSync(join(clone.folder, 'dist', 'main.js'));

  it('runs what npm install built', async () => {
    await run(`npm install ${QUIET}`);
    expect(isBuilt()).toBe(true);
    expect(await startOutput()).not.toContain(FROM_SOURCES);
  });

  it('runs edited sources, and says so, until npm install or npm run build makes dist anew', async () => {
    appendFileSync(join(clone.folder, 'src', 'main.ts'), '// edited\n');
    expect(await startOutput()).toContain(
      `${FROM_SOURCES}; npm run build saves memory" reason="dist is older`,
    );
    await run(`npm install ${QUIET}`);
    expect(await startOutput()).not.toContain(FROM_SOURCES);
  });

  it('runs the sources where they were never built', async () => {
    rmSync(join(clone.folder, 'dist'), { recursive: true });
    await run(`npm ci --ignore-scripts ${QUIET}`);
    expect(isBuilt()).toBe(false);
    // Without its install script the package `node` has no program: another Node must run it.
    expect(await startOutput(process.execPath)).toContain('reason="dist is not built"');
  });

  it('is installed without TypeScript too, and then runs the sources', async () => {
    await run(`npm ci --omit=dev ${QUIET}`);
    expect(isBuilt()).toBe(false);
    expect(await startOutput(process.execPath)).toContain('reason="dist is not built"');
  });

  it('keeps the former dist where the sources do not compile, and does not run it', async () => {
    await run(`npm ci ${QUIET}`);
    appendFileSync(join(clone.folder, 'src', 'lib', 'version.ts'), 'export const broken: number = "text";\n');
    const output = await run('npm run prepare');
    expect(output).toContain('dist is not built: the sources do not compile');
    expect(isBuilt()).toBe(true);
    expect(await startOutput()).toContain('reason="dist is older than the sources"');
  });
});
