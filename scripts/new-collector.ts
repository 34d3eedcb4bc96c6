import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const TEMPLATE = join(import.meta.dirname, 'collector-template');
const LIST = 'src/collectors/index.ts';
const USAGE = 'npm run new:collector NAME, with a NAME of lower-case letters and digits\n';

/** A file to write: its path in the repository, its text. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/** The files of a collector `name`, made from the template, with the list of collectors that names it. */
export function planCollector(name: string, list: string): NewFile[] {
  const files = globSync('**/*', { cwd: TEMPLATE }).filter((path) => statSync(join(TEMPLATE, path)).isFile());
  const made = files.toSorted().map((path) => {
    const isTest = path.endsWith('.test.ts');
    const folder = isTest ? `test/unit/collectors/${name}` : `src/collectors/${name}`;
    const text = readFileSync(join(TEMPLATE, path), 'utf8');
    return { path: `${folder}/${path}`, text: rename(isTest ? moveTest(text) : moveSource(text), name) };
  });
  return [...made, { path: LIST, text: addToList(list, name) }];
}

/** Imports of the template as they are from a collector's folder. */
function moveSource(text: string): string {
  return text.replaceAll(/'((?:\.\.\/)+)src\//g, "'$1");
}

/** The same from the folder of its test. */
function moveTest(text: string): string {
  return text
    .replaceAll("'./", "'../../../../src/collectors/gadget/")
    .replaceAll("'../../test/", "'../../../");
}

function rename(text: string, name: string): string {
  const capitalised = name.charAt(0).toUpperCase() + name.slice(1);
  return text.replaceAll('gadget', name).replaceAll('Gadget', capitalised);
}

/** The list of all collectors with one more at its end. Throws where the list has another form. */
function addToList(list: string, name: string): string {
  const imports = list.lastIndexOf("/collector.ts';\n");
  const entries = list.indexOf('\n};', list.indexOf('const ALL = {'));
  if (imports === -1 || entries === -1) throw new Error(`${LIST} has no list of collectors`);
  const afterImports = list.indexOf('\n', imports) + 1;
  return [
    list.slice(0, afterImports),
    `import { ${name}Collector } from './${name}/collector.ts';\n`,
    list.slice(afterImports, entries),
    `\n  ${name}: ${name}Collector,`,
    list.slice(entries),
  ].join('');
}

/**
 * Writes the files of the collector that the arguments name; the exit code, 2 where
 * they name none that can be made.
 */
function main([name = '']: readonly string[]): number {
  if (!/^[a-z][a-z0-9]*$/.test(name)) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (existsSync(join(ROOT, 'src', 'collectors', name))) {
    process.stderr.write(`src/collectors/${name} exists\n`);
    return 2;
  }
  for (const { path, text } of planCollector(name, readFileSync(join(ROOT, LIST), 'utf8'))) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
    process.stdout.write(`${path}\n`);
  }
  process.stdout.write('Replace every TODO, then: npm run format && npm run generate\n');
  return 0;
}

if (process.argv[1] === import.meta.filename) process.exitCode = main(process.argv.slice(2));
