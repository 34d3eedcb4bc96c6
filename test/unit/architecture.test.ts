import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '..', '..', 'src');

/**
 * Folders by their place in the order of dependency: each may import what stands before it, types included.
 */
const ORDER: readonly (readonly string[])[] = [
  ['lib'],
  ['metrics', 'config'],
  ['state'],
  ['os'],
  ['openclaw'],
  ['gateway', 'ssh'],
  ['auth'],
  ['core'],
  ['collectors'],
  ['diagnosis'],
  ['probe', 'heartbeat'],
  ['cli', 'web'],
];

/** What only asks the outside world: it knows no metrics, no collectors and no state. */
const ASKING = /^(?:os|openclaw|gateway|ssh)\/|^collectors\/.*\/source\//;

const MAX_LINES = 400;

interface Module {
  /** Relative to `src`. */
  readonly file: string;
  readonly text: string;
  /** Files below `src`, or names of packages; types included. */
  readonly imports: readonly string[];
}

const STATEMENT = /^(?:import|export)\s+(?:[^'";]*?\sfrom\s+)?'(?<from>[^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'(?<from>[^']+)'/g;

function findImports(file: string, text: string): string[] {
  const resolved = (from = '') =>
    from.startsWith('.') ? relative(SRC, resolve(dirname(join(SRC, file)), from)) : from;
  return [...text.matchAll(STATEMENT), ...text.matchAll(DYNAMIC)].map(({ groups }) => resolved(groups?.from));
}

const modules: readonly Module[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    return { file, text, imports: findImports(file, text) };
  });

/** Place in {@link ORDER}; the program itself stands last. */
function rank(file: string): number {
  const folder = file.includes('/') ? (file.split('/', 1)[0] ?? '') : '';
  const place = ORDER.findIndex((folders) => folders.includes(folder));
  if (place !== -1) return place;
  return ['exporter.ts', 'main.ts'].includes(file) ? ORDER.length + 1 : Number.NaN;
}

function topFolder(file: string): string {
  return file.includes('/') ? (file.split('/', 1)[0] ?? '') : '';
}

/** `collectors/ping` of `collectors/ping/state.ts`; undefined for what is no collector's. */
function collectorFolder(file: string): string | undefined {
  return /^collectors\/[^/]+(?=\/)/.exec(file)?.[0];
}

function edges(): { readonly file: string; readonly from: string }[] {
  return modules.flatMap(({ file, imports }) =>
    imports.filter((from) => /\.[jt]s$/.test(from)).map((from) => ({ file, from })),
  );
}

/** Imports from files in `folder` of what `forbidden` matches: `file -> import`. */
function findImportsOf(folder: RegExp, forbidden: RegExp): string[] {
  return modules
    .filter(({ file }) => folder.test(file))
    .flatMap(({ file, imports }) =>
      imports.filter((from) => forbidden.test(from)).map((from) => `${file} -> ${from}`),
    );
}

function findCycles(): string[] {
  const next = new Map(modules.map(({ file, imports }) => [file, imports]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (path.includes(file) || done.has(file)) return;
    for (const from of next.get(file) ?? []) visit(from, [...path, file]);
    done.add(file);
  };
  for (const { file } of modules) visit(file, []);
  return cycles;
}

describe('the scan of imports', () => {
  it('sees every kind of import, types included', () => {
    const text = [
      "import a from 'a';",
      "import './b.ts';",
      "import {\n  c,\n  type C,\n} from '../c.ts';",
      "import type { D } from './d.ts';",
      "import { type E } from './e.ts';",
      "export { f } from './f.ts';",
      "const g = await import('./g.ts');",
    ].join('\n');
    expect(findImports('x/y.ts', text)).toEqual([
      'a',
      'x/b.ts',
      'c.ts',
      'x/d.ts',
      'x/e.ts',
      'x/f.ts',
      'x/g.ts',
    ]);
  });

  it('sees the whole program', () => {
    const files = new Set(modules.map(({ file }) => file));
    expect(files).toContain('main.ts');
    expect(edges().filter(({ from }) => from.endsWith('.ts') && !files.has(from))).toEqual([]);
  });
});

describe('the architecture', () => {
  it('has a place in the order of dependency for every file', () => {
    expect(modules.filter(({ file }) => Number.isNaN(rank(file))).map(({ file }) => file)).toEqual([]);
  });

  it('lets each folder import only what stands before it in the order, types included', () => {
    const wrong = edges().filter(
      ({ file, from }) => topFolder(file) !== topFolder(from) && rank(file) <= rank(from),
    );
    expect(wrong.map(({ file, from }) => `${file} -> ${from}`)).toEqual([]);
  });

  it('lets no collector import another', () => {
    const wrong = edges().filter(({ file, from }) => {
      const [own, other] = [collectorFolder(file), collectorFolder(from)];
      return own !== undefined && other !== undefined && own !== other;
    });
    expect(wrong.map(({ file, from }) => `${file} -> ${from}`)).toEqual([]);
  });

  it('keeps what asks the outside world free of metrics, state and the core', () => {
    expect(findImportsOf(ASKING, /^(?:metrics|core|state)\/|^prom-client$|^express$/)).toEqual([]);
  });

  it('keeps express to the web', () => {
    expect(findImportsOf(/^(?!web\/)/, /^express$/)).toEqual([]);
  });

  it('starts child processes in one place', () => {
    expect(findImportsOf(/^/, /^(?:node:)?child_process$/)).toEqual([]);
    expect(findImportsOf(/^/, /^execa$/)).toEqual(['lib/run-command.ts -> execa']);
  });

  it('has no cycles of imports, types included', () => {
    expect(findCycles()).toEqual([]);
  });

  it('has no default exports', () => {
    const wrong = modules.filter(({ text }) => /^export\s+default\b/m.test(text));
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it(`has no file of more than ${MAX_LINES} lines`, () => {
    const wrong = modules.filter(({ text }) => text.split('\n').length > MAX_LINES + 1);
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('exports no two things of the same name', () => {
    const declaration = /^export (?:async )?(?:function\*?|class|interface|type|const) (\w+)/gm;
    const homes = new Map<string, Set<string>>();
    for (const { file, text } of modules) {
      for (const [, name = ''] of text.matchAll(declaration)) {
        homes.set(name, (homes.get(name) ?? new Set()).add(file));
      }
    }
    const shared = [...homes].filter(([, files]) => files.size > 1);
    expect(shared.map(([name, files]) => `${name}: ${[...files].join(', ')}`)).toEqual([]);
  });

  it('documents everything that is exported', () => {
    const declaration = /^export (?:async )?(?:function\*?|class|interface|type|const) (\w+)/;
    const silent = modules.flatMap(({ file, text }) => {
      const lines = text.split('\n');
      return lines.flatMap((line, index) => {
        const name = declaration.exec(line)?.[1];
        const before = lines[index - 1] ?? '';
        const isOverload = name !== undefined && declaration.exec(before)?.[1] === name;
        return name === undefined || isOverload || before.trim().endsWith('*/') ? [] : [`${file}: ${name}`];
      });
    });
    expect(silent).toEqual([]);
  });
});
