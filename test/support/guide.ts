import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FreshClone } from './fresh-clone.ts';
import { textOf } from './pages.ts';

/** One step of a guide that changes a file. */
type Edit =
  | { readonly kind: 'create'; readonly path: string; readonly text: string }
  | {
      readonly kind: 'after' | 'before' | 'replace';
      readonly path: string;
      readonly anchor: string;
      readonly text: string;
    };

/**
 * ``Create `path`:`` or ``In `path`, after (before) `line`:`` before a block of code; ``In
 * `path`, replace `a` by `b`.``
 */
const STEP =
  /Create\s+`(?<created>[^`]+)`:\s+?^(?<indent1> *)(?<fence1>```|~~~)\w+\n(?<whole>.*?)^ *\k<fence1>$|In\s+`(?<edited>[^`]+)`,\s+(?<place>after|before)\s+`(?<anchor>[^`]+)`:\s+?^(?<indent2> *)(?<fence2>```|~~~)\w+\n(?<added>.*?)^ *\k<fence2>$|In\s+`(?<changed>[^`]+)`,\s+replace\s+`(?<old>[^`]+)`\s+by\s+`(?<new>[^`]+)`\./gms;

function outdent(text: string, indent: string): string {
  return text.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

/** Every change of files that a page of the documentation prescribes, in its order. */
function parseGuide(page: string): Edit[] {
  return [...page.matchAll(STEP)].map(({ groups = {} }): Edit => {
    const { created, edited, changed } = groups;
    if (created !== undefined) {
      return { kind: 'create', path: created, text: outdent(groups.whole ?? '', groups.indent1 ?? '') };
    }
    if (edited !== undefined) {
      const text = outdent(groups.added ?? '', groups.indent2 ?? '');
      const kind = groups.place === 'before' ? 'before' : 'after';
      return { kind, path: edited, anchor: groups.anchor ?? '', text };
    }
    return { kind: 'replace', path: changed ?? '', anchor: groups.old ?? '', text: groups.new ?? '' };
  });
}

/** Makes these changes in a clone. Throws where an anchor is not there exactly once. */
export function applyGuide(clone: FreshClone, page: string): void {
  for (const edit of parseGuide(textOf(page))) {
    const file = join(clone.folder, edit.path);
    if (edit.kind === 'create') {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, edit.text);
      continue;
    }
    const anchor = edit.kind === 'replace' ? edit.anchor : `${edit.anchor}\n`;
    const parts = readFileSync(file, 'utf8').split(anchor);
    if (parts.length !== 2) throw new Error(`${edit.path}: ${parts.length - 1} times ${edit.anchor}`);
    const texts = {
      after: `${anchor}${edit.text}`,
      before: `${edit.text}${anchor}`,
      replace: edit.text,
    };
    writeFileSync(file, parts.join(texts[edit.kind]));
  }
}
