import type { Verdict } from '../../core/collector.ts';
import { Html, html } from './html.ts';

/** A state on the page; never shown by colour alone: each has a word and a shape of its own. */
export type PageState = Verdict | 'note' | 'unseen';

/** What a person reads for each state. */
export const STATE_WORDS: Readonly<Record<PageState, string>> = {
  ok: 'OK',
  note: 'Note',
  warning: 'Warning',
  bad: 'Broken',
  unknown: 'Unknown',
  unseen: 'Not configured',
};

const SHAPES: Readonly<Record<PageState, string>> = {
  ok: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.7 5.2-4.4 5a.9.9 0 0 1-1.3 0L4.2 9.3l1.3-1.2L6.6 9.2l3.8-4.3Z',
  note: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM7.2 6.8v5h1.6v-5Zm0-2.9v1.7h1.6V3.9Z',
  warning: 'M8 1.2 15.5 14.5H.5ZM7.2 6v4h1.6V6Zm0 5v1.6h1.6V11Z',
  bad: [
    'M5 1h6l4 4v6l-4 4H5l-4-4V5Zm.9 3.7L4.7 5.9 6.8 8l-2.1 2.1 1.2 1.2L8 9.2l2.1 2.1',
    ' 1.2-1.2L9.2 8l2.1-2.1-1.2-1.2L8 6.8Z',
  ].join(''),
  unknown: [
    'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm-.8 9.6h1.6v1.7H7.2ZM8 3.6c1.6 0 2.7 1 2.7 2.3',
    ' 0 1.2-.8 1.7-1.4 2.1-.4.3-.5.5-.5 1H7.2c0-1.3.7-1.8 1.2-2.2.4-.3.7-.5.7-.9',
    ' 0-.5-.4-.8-1.1-.8-.7 0-1.2.4-1.3 1.1l-1.5-.3C5.4 4.5 6.5 3.6 8 3.6Z',
  ].join(''),
  unseen: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM4 7.2h8v1.6H4Z',
};

/** The shapes, once a page; every badge refers to them. */
export function shapes(): Html {
  const symbols = Object.entries(SHAPES).map(
    ([state, path]) =>
      html`<symbol id="icon-${state}" viewBox="0 0 16 16"><path fill-rule="evenodd" d="${path}"/></symbol>`,
  );
  return html`<svg class="hidden" width="0" height="0" aria-hidden="true">${symbols}
${PATTERNS}</svg>`;
}

/** What tells the states of a timeline apart without colour; a healthy time is plain. */
const PATTERNS = new Html(
  [
    '<defs class="patterns">',
    '<pattern id="pattern-bad" width="6" height="6" patternUnits="userSpaceOnUse">',
    '<rect class="bad-ground" width="6" height="6"/><path class="bad-line" d="M0 0l6 6M6 0l-6 6"/></pattern>',
    '<pattern id="pattern-warning" width="7" height="7" patternUnits="userSpaceOnUse"',
    ' patternTransform="rotate(45)"><rect class="warning-ground" width="7" height="7"/>',
    '<path class="warning-line" d="M2 0v7"/></pattern>',
    '<pattern id="pattern-changing" width="6" height="6" patternUnits="userSpaceOnUse">',
    '<rect class="warning-ground" width="6" height="6"/><path class="warning-line" d="M2 0v6"/></pattern>',
    '<pattern id="pattern-unknown" width="6" height="6" patternUnits="userSpaceOnUse">',
    '<rect class="unknown-ground" width="6" height="6"/>',
    '<circle class="unknown-dot" cx="3" cy="3" r="1"/></pattern></defs>',
  ].join(''),
);

/** A state's shape, and its word or another one. */
export function badge(state: PageState, word: string = STATE_WORDS[state]): Html {
  const icon = html`<svg aria-hidden="true"><use href="#icon-${state}"/></svg>`;
  return html`<span class="badge ${state}">${icon}${word}</span>`;
}

/** The state as the tab's icon, visible while another tab is in front. */
export function tabIcon(state: PageState): Html {
  const path = `<path fill="${TAB_COLOURS[state]}" fill-rule="evenodd" d="${SHAPES[state]}"/>`;
  const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${path}</svg>`;
  const url = `data:image/svg+xml,${encodeURIComponent(icon).replaceAll("'", '%27')}`;
  // Built from this file's own constants only.
  return new Html(`<link rel="icon" id="tab-icon" href="${url}">`);
}

/** Readable on light and dark tabs. */
const TAB_COLOURS: Readonly<Record<PageState, string>> = {
  ok: '#2da44e',
  note: '#2f81f7',
  warning: '#bf8700',
  bad: '#e5484d',
  unknown: '#7d8793',
  unseen: '#7d8793',
};
