import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Reads a file of the repository, by its path there. Throws where there is none. */
export type ReadFile = (path: string) => string;

const url = z.url().refine((text) => !/OWNER|example/.test(text));
const manifest = z.object({ version: z.string() }).loose();
/** Fields of package.json that only whoever publishes can know, and what each must hold. */
const FIELDS: Readonly<Record<string, z.ZodType>> = {
  repository: z.object({ type: z.literal('git'), url }),
  bugs: z.object({ url }),
  homepage: url,
};
/** Texts that name the repository or its maintainers, with a placeholder until then. */
const PLACEHOLDERS = ['README.md', '.github/CODEOWNERS'] as const;

/** What is still missing for a release, one sentence each; empty when nothing is. */
export function findMissing(read: ReadFile): string[] {
  const parsed = manifest.parse(JSON.parse(read('package.json')));
  const lock = manifest.parse(JSON.parse(read('package-lock.json')));
  const fields = Object.entries(FIELDS)
    .filter(([name, schema]) => !schema.safeParse(parsed[name]).success)
    .map(([name]) => `package.json: ${name} is empty`);
  const placeholders = PLACEHOLDERS.filter((path) => /\bOWNER\b/.test(read(path))).map(
    (path) => `${path}: OWNER is a placeholder`,
  );
  const { version } = parsed;
  const changes = read('CHANGELOG.md').includes(`\n## ${version}`);
  return [
    ...fields,
    ...placeholders,
    ...(lock.version === version ? [] : [`package-lock.json: version ${lock.version}, expected ${version}`]),
    ...(changes ? [] : [`CHANGELOG.md: no section for ${version}`]),
  ];
}

/** Prints what is missing; the exit code, 1 where something is. */
function main(): number {
  const root = join(import.meta.dirname, '..');
  const missing = findMissing((path) => readFileSync(join(root, path), 'utf8'));
  process.stdout.write(missing.length === 0 ? 'ready for a release\n' : `${missing.join('\n')}\n`);
  return missing.length === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) process.exitCode = main();
