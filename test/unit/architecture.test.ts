import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '..', '..', 'src');

interface Import {
  /** A file below `src`, or the name of a package. */
  readonly from: string;
  readonly typeOnly: boolean;
}

interface Module {
  /** Relative to `src`. */
  readonly file: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const STATEMENT = /^(?:import|export)\s+(?<type>type\s)?(?<what>[^'";]*?\sfrom\s+)?'(?<from>[^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'(?<from>[^']+)'/g;

function importsOf(file: string, text: string): Import[] {
  const resolved = (from = '') =>
    from.startsWith('.') ? relative(SRC, resolve(dirname(join(SRC, file)), from)) : from;
  const stated = [...text.matchAll(STATEMENT)].map(({ groups }) => ({
    from: resolved(groups?.from),
    typeOnly: groups?.type !== undefined || onlyTypes(groups?.what ?? ''),
  }));
  const dynamic = [...text.matchAll(DYNAMIC)].map(({ groups }) => ({
    from: resolved(groups?.from),
    typeOnly: false,
  }));
  return [...stated, ...dynamic];
}

/** Whether every name in `{ type A, type B } from` is a type. */
function onlyTypes(what: string): boolean {
  const names = /^\{(?<names>[^}]*)\}/.exec(what)?.groups?.names;
  const parts = names?.split(',').filter((name) => name.trim() !== '') ?? [];
  return parts.length > 0 && parts.every((name) => name.trim().startsWith('type '));
}

const modules: readonly Module[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    return { file, text, imports: importsOf(file, text) };
  });

/** Imports, types included unless told otherwise, from files in `folder` of what `forbidden` matches: `file -> import`. */
function found(folder: string, forbidden: RegExp, { typesToo = true } = {}): string[] {
  return modules
    .filter(({ file }) => file.startsWith(folder))
    .flatMap(({ file, imports }) =>
      imports
        .filter(({ from, typeOnly }) => forbidden.test(from) && (typesToo || !typeOnly))
        .map(({ from }) => `${file} -> ${from}`),
    );
}

function cycles(): string[] {
  const next = new Map(
    modules.map(({ file, imports }) => [file, imports.filter(({ typeOnly }) => !typeOnly)]),
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (path.includes(file) || done.has(file)) return;
    for (const { from } of next.get(file) ?? []) visit(from, [...path, file]);
    done.add(file);
  };
  for (const { file } of modules) visit(file, []);
  return circles;
}

describe('the scan of imports', () => {
  it('sees every kind of import', () => {
    const text = [
      "import a from 'a';",
      "import './b.ts';",
      "import {\n  c,\n  type C,\n} from '../c.ts';",
      "import type { D } from './d.ts';",
      "import { type E } from './e.ts';",
      "export { f } from './f.ts';",
      "const g = await import('./g.ts');",
    ].join('\n');
    expect(importsOf('x/y.ts', text)).toEqual([
      { from: 'a', typeOnly: false },
      { from: 'x/b.ts', typeOnly: false },
      { from: 'c.ts', typeOnly: false },
      { from: 'x/d.ts', typeOnly: true },
      { from: 'x/e.ts', typeOnly: true },
      { from: 'x/f.ts', typeOnly: false },
      { from: 'x/g.ts', typeOnly: false },
    ]);
  });

  it('sees the whole program', () => {
    const files = new Set(modules.map(({ file }) => file));
    expect(files).toContain('main.ts');
    const local = modules.flatMap(({ imports }) => imports.filter(({ from }) => from.endsWith('.ts')));
    expect(local.filter(({ from }) => !files.has(from))).toEqual([]);
  });
});

describe('the architecture', () => {
  it('keeps sources free of metrics, collectors and web', () => {
    expect(found('sources/', /^(?:collectors|registry|web)\/|^prom-client$|^express$/)).toEqual([]);
  });

  it('keeps collectors free of web', () => {
    expect(found('collectors/', /^web\/|^express$/)).toEqual([]);
  });

  it('lets collectors start child processes through sources alone', () => {
    expect(found('', /^(?:node:)?child_process$/)).toEqual([]);
    expect(found('', /^execa$/)).toEqual(['sources/command.ts -> execa']);
  });

  it('keeps the registry and the runtime free of collectors and web, but for their types', () => {
    expect(found('registry/', /^(?:collectors|web|sources)\//, { typesToo: false })).toEqual([]);
    expect(found('runtime/', /^(?:collectors|web|sources)\//, { typesToo: false })).toEqual([]);
  });

  it('keeps the configuration free of everything but the runtime', () => {
    expect(found('config/', /^(?:collectors|web|sources|registry)\//)).toEqual([]);
  });

  it('lets nothing import the program itself', () => {
    expect(found('', /^(?:main\.ts|launch\.js)$/)).toEqual([]);
    expect(found('', /^exporter\.ts$/)).toEqual(['main.ts -> exporter.ts']);
  });

  it('has no cycles of imports', () => {
    expect(cycles()).toEqual([]);
  });

  it('has no default exports', () => {
    expect(modules.filter(({ text }) => /^export\s+default\b/m.test(text)).map(({ file }) => file)).toEqual(
      [],
    );
  });

  it('says of everything that is exported what it is', () => {
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
