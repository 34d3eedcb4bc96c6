import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { parseAst } from 'vitest/node';

/** One file of code below `src`, imports relative to `src`. */
interface SourceFile {
  readonly file: string;
  readonly text: string;
  readonly imports: readonly string[];
}

/** What the size and the shape of `src` come to. */
export interface Measures {
  readonly files: number;
  readonly statements: number;
  /** Most files directly in one folder. */
  readonly largestFolder: number;
  /** Pairs of top folders that import each other, types included. */
  readonly mutualImports: number;
  readonly longLines: number;
  readonly longFiles: number;
}

const MAX_COLUMNS = 110;
const MAX_LINES = 400;
const IMPORT = /^(?:import|export)\s+(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'/gm;

/** Measures the TypeScript and JavaScript files below `src`. */
export function measureSource(src: string): Measures {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.[jt]s$/.test(file))
    .map((file) => readSourceFile(src, file));
  const perFolder = Object.values(Object.groupBy(files, ({ file }) => dirname(file)));
  const lines = files.map(({ text }) => text.trimEnd().split('\n'));
  return {
    files: files.length,
    statements: files.map(countStatements).reduce((sum, count) => sum + count, 0),
    largestFolder: Math.max(...perFolder.map((some) => some?.length ?? 0)),
    mutualImports: countMutualImports(files),
    longLines: lines.flat().filter((line) => line.length > MAX_COLUMNS).length,
    longFiles: lines.filter(({ length }) => length > MAX_LINES).length,
  };
}

function readSourceFile(src: string, file: string): SourceFile {
  const text = readFileSync(join(src, file), 'utf8');
  const folder = dirname(join(src, file));
  const imports = [...text.matchAll(IMPORT)].map(([, from = '']) => relative(src, join(folder, from)));
  return { file, text, imports };
}

/**
 * Statements and declarations of the syntax tree, blocks apart; types, which do not run, are stripped before.
 */
function countStatements({ file, text }: SourceFile): number {
  const code = file.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
  return countNodes(parseAst(code.replace(/^#!.*/, '')));
}

function countNodes(node: unknown): number {
  if (typeof node !== 'object' || node === null) return 0;
  const below = Object.values(node).reduce<number>((sum, child) => sum + countNodes(child), 0);
  const type = 'type' in node && typeof node.type === 'string' ? node.type : '';
  return below + Number(/(?:Statement|Declaration)$/.test(type) && !/^(?:Block|Empty)/.test(type));
}

function countMutualImports(files: readonly SourceFile[]): number {
  const edges = new Set<string>();
  for (const { file, imports } of files) {
    for (const from of imports)
      if (topFolder(file) !== topFolder(from)) edges.add(`${topFolder(file)} ${topFolder(from)}`);
  }
  const isMutual = (edge: string) => edges.has(edge.split(' ').toReversed().join(' '));
  return [...edges].filter(isMutual).length / 2;
}

function topFolder(file: string): string {
  return file.split('/', 1)[0] ?? '';
}
