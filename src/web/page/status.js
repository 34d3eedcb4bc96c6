/*
 * Keeps an open status page fresh: fetches it again and replaces its `main`, so that nothing flickers, and
 * focus and scroll position stay. It pauses while the tab is hidden or a command is selected for copying.
 */

const TIMEOUT_MS = 10_000;
const root = document.documentElement;

/** @param {string} id */
function findById(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element ${id}.`);
  return element;
}

/**
 * Unchanged text is left alone: screen readers announce every change of a status.
 * @param {string} id
 * @param {string} text
 */
function announce(id, text) {
  const element = findById(id);
  if (element.textContent !== text) element.textContent = text;
}

function isSelecting() {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && findById('main').contains(selection.anchorNode);
}

/** @param {HTMLElement} fresh */
function replaceMain(fresh) {
  const focusedId = document.activeElement?.id ?? '';
  const [x, y] = [scrollX, scrollY];
  findById('main').replaceWith(document.adoptNode(fresh));
  if (focusedId !== '') document.getElementById(focusedId)?.focus({ preventScroll: true });
  scrollTo(x, y);
}

/** @param {Document} next */
function replaceIcon(next) {
  const icon = next.getElementById('tab-icon');
  if (icon !== null) findById('tab-icon').replaceWith(document.adoptNode(icon));
}

/** @param {Document} next */
function show(next) {
  const fresh = next.getElementById('main');
  if (fresh === null) throw new Error('The answer is not a status page.');
  if (next.documentElement.dataset.version !== root.dataset.version) {
    location.reload();
    return;
  }
  const headline = fresh.dataset.headline ?? '';
  const isNews = headline !== findById('main').dataset.headline;
  replaceMain(fresh);
  replaceIcon(next);
  document.title = next.title;
  if (isNews) announce('news', headline);
}

async function refresh() {
  if (document.hidden || isSelecting()) return;
  try {
    const response = await fetch(location.pathname, {
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`The exporter answered ${response.status}.`);
    show(new DOMParser().parseFromString(await response.text(), 'text/html'));
    announce('note', '');
  } catch {
    announce('note', 'The exporter does not respond: this page is out of date.');
  }
}

function scheduleRefresh() {
  setTimeout(() => refresh().finally(scheduleRefresh), 1000 * Number(root.dataset.refresh));
}

document.addEventListener('visibilitychange', () => void refresh());
scheduleRefresh();
