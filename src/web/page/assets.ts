import { createHash } from 'node:crypto';

/** Seconds between two looks of an open page. */
export const REFRESH_SECONDS = 15;

/** The page's style; its hash stands in the content security policy. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1b1f24; --muted: #57606a; --line: #d0d7de; --focus: #0a5bc4; --code: #eef1f4;
  --ok: #17692f; --warning: #875300; --bad: #b3231a; --unknown: #57606a;
  --ok-soft: #e2f4e7; --warning-soft: #fdf0d2; --bad-soft: #fde6e4; --unknown-soft: #eceff2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1217; --card: #161b22; --text: #e6eaef; --muted: #9fa9b6; --line: #303844; --focus: #79b8ff; --code: #232a34;
    --ok: #57c877; --warning: #e0ae2b; --bad: #ff8a80; --unknown: #a8b2be;
    --ok-soft: #12291a; --warning-soft: #2e2610; --bad-soft: #3a1a19; --unknown-soft: #232a33;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; overflow-wrap: anywhere; padding: 1rem clamp(.75rem, 3vw, 2rem) 2rem; }
header { align-items: baseline; display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; margin-bottom: .75rem; }
h1 { font-size: 1.15rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 0; }
p { margin: 0; }
a { color: var(--focus); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
time, bdi, code { unicode-bidi: isolate; }
.hidden { position: absolute; }
.spoken { clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; white-space: nowrap; width: 1px; }
.skip { background: var(--card); left: .5rem; padding: .5rem 1rem; position: absolute; top: -10rem; }
.skip:focus { top: .5rem; }
.meta { color: var(--muted); font-size: .875rem; }
#note:not(:empty) { background: var(--warning-soft); border: 1px solid var(--warning); border-radius: .5rem; margin-bottom: .75rem; padding: .5rem .75rem; }
code { background: var(--code); border-radius: .3rem; font: .875em/1.6 ui-monospace, monospace; padding: .15em .4em; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.badge { display: inline-flex; font-weight: 600; gap: .35em; white-space: nowrap; }
.badge svg { fill: currentColor; flex: none; height: 1.05em; margin-top: calc((1lh - 1.05em) / 2); width: 1.05em; }
.badge.ok { color: var(--ok); } .badge.warning { color: var(--warning); } .badge.bad { color: var(--bad); }
.badge.unknown, .badge.unseen { color: var(--unknown); }
.headline, .card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.15rem; }
.planned { background: var(--unknown-soft); border: 1px solid var(--line); border-radius: .5rem; margin-bottom: .75rem; padding: .5rem .75rem; }
.headline { border-left: .5rem solid var(--unknown); }
.headline.ok { background: var(--ok-soft); border-color: var(--ok); }
.headline.warning { background: var(--warning-soft); border-color: var(--warning); }
.headline.bad { background: var(--bad-soft); border-color: var(--bad); }
.headline h2 { font-size: clamp(1.3rem, 4vw, 1.75rem); line-height: 1.25; }
.headline h2 .badge { white-space: normal; }
.headline p { margin-top: .4rem; max-width: 60rem; }
nav ul { display: grid; gap: .6rem; grid-template-columns: repeat(5, 1fr); list-style: none; margin: .9rem 0; padding: 0; }
nav a { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; border-top: .3rem solid var(--unknown); color: var(--text); display: block; height: 100%; padding: .5rem .75rem .6rem; text-decoration: none; }
nav a.ok { border-top-color: var(--ok); } nav a.warning { border-top-color: var(--warning); } nav a.bad { border-top-color: var(--bad); }
nav a:hover strong { text-decoration: underline; }
nav strong, nav .meta { display: block; }
.card { margin-top: .9rem; scroll-margin-top: .5rem; }
.card > .title { align-items: center; display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
.evidence { list-style: none; margin: .5rem 0 0; padding: 0; }
.evidence li { align-items: start; border-top: 1px solid var(--line); display: grid; gap: 0 .75rem; grid-template-columns: 7rem 1fr auto; padding: .5rem 0; }
.evidence li:last-child { padding-bottom: 0; }
.evidence .meta { line-height: 1.7; }
.evidence .repair { margin-top: .15rem; }
table { border-collapse: collapse; font-size: .9375rem; margin-top: .9rem; width: 100%; }
caption { font-weight: 600; padding-bottom: .25rem; text-align: left; }
caption .meta { font-weight: 400; }
th, td { border-top: 1px solid var(--line); padding: .4rem .75rem .4rem 0; text-align: left; vertical-align: top; }
thead th { border-top: 0; color: var(--muted); font-size: .875rem; }
tbody th { font-weight: 500; width: 40%; }
thead th, td { white-space: nowrap; }
td.long { white-space: normal; }
.number { padding-right: 0; text-align: right; }
footer { color: var(--muted); font-size: .875rem; margin-top: 1.25rem; }
@media (max-width: 46rem) {
  nav ul { grid-template-columns: 1fr 1fr; }
  nav li:last-child { grid-column: 1 / -1; }
  .evidence li { grid-template-columns: 1fr; }
  thead { clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; white-space: nowrap; width: 1px; }
  table, caption, tbody, tr, tbody th, td { display: block; }
  tr { border-top: 1px solid var(--line); padding: .4rem 0; }
  tbody th, td, td.number { border: 0; padding: .05rem 0; text-align: left; white-space: normal; width: auto; }
  tbody th { font-weight: 600; }
  td { display: grid; gap: .75rem; grid-template-columns: 8.5rem 1fr; }
  td::before { color: var(--muted); content: attr(data-label); }
}
@media print { .skip, nav { display: none; } .card, .headline { break-inside: avoid; } }
`;

/**
 * Fetches the page anew and puts its `main` in the place of the one that is shown: no flicker, focus and scroll stay.
 * It waits while the tab is hidden and while somebody selects a command to copy.
 */
export const SCRIPT = `
(() => {
  'use strict';
  const root = document.documentElement;
  const main = () => document.querySelector('main');
  const say = (id, text) => { const at = document.getElementById(id); if (at.textContent !== text) at.textContent = text; };
  const isSelecting = () => { const range = getSelection(); return range !== null && !range.isCollapsed && main().contains(range.anchorNode); };
  const show = (next) => {
    const fresh = next.querySelector('main');
    if (fresh === null) throw new Error('no status page');
    if (next.documentElement.dataset.version !== root.dataset.version) return location.reload();
    const isNews = fresh.dataset.headline !== main().dataset.headline;
    const focused = document.activeElement === null ? '' : document.activeElement.id;
    const [x, y] = [scrollX, scrollY];
    main().replaceWith(document.adoptNode(fresh));
    const again = focused === '' ? null : document.getElementById(focused);
    if (again !== null) again.focus({ preventScroll: true });
    scrollTo(x, y);
    document.title = next.title;
    const icon = next.getElementById('tab-icon');
    if (icon !== null) document.getElementById('tab-icon').href = icon.href;
    if (isNews) say('news', fresh.dataset.headline);
  };
  const refresh = async () => {
    if (document.hidden || isSelecting()) return;
    try {
      const response = await fetch(location.pathname, { cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(10000) });
      if (!response.ok) throw new Error('status ' + response.status);
      show(new DOMParser().parseFromString(await response.text(), 'text/html'));
      say('note', '');
    } catch {
      say('note', 'The exporter does not answer: this page is out of date.');
    }
  };
  const loop = () => setTimeout(() => refresh().finally(loop), 1000 * root.dataset.refresh);
  document.addEventListener('visibilitychange', () => void refresh());
  loop();
})();
`;

/** Nothing but this page's own style and script, named by their hashes, and the page itself to be fetched again. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
