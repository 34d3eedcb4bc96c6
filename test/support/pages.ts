import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './fresh-clone.ts';

/** The text of a page of the repository, by its path there. */
export function textOf(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** The fenced blocks of one language, in order, without their fences and without the indentation of these. */
export function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(/^( *)```(\w+)\n(.*?)^ *```$/gms)].flatMap(([, indent = '', tag, block = '']) =>
    tag === language ? [block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')] : [],
  );
}
