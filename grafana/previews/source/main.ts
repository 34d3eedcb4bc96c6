import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Route } from 'playwright-core';
import sharp from 'sharp';
import { openBrowser } from '../../../test/support/browser.ts';
import { record } from './record.ts';
import type { Moment, Recording, Recordings } from './recording.ts';

/**
 * Pictures of the dashboards in docs/dashboards. `--from=FILE` draws what was recorded before; without it
 * everything is started, and what was recorded stays in build/recording.json. `--only=NAME,…` draws some of
 * them; `--out=FOLDER` puts them elsewhere.
 */
const HERE = join(import.meta.dirname, '..');
const BUILD = join(HERE, 'build');
const PICTURES = join(HERE, '..', '..', 'docs', 'dashboards');
const ORIGIN = 'http://previews.invalid';
const ICONS = join(HERE, 'node_modules', '@grafana', 'ui', 'dist', 'public', 'img', 'icons');
const FONT = join(HERE, 'node_modules', '@fontsource', 'inter', 'files');
/** What the page may load, by the beginning of its address; nothing else, and nothing from elsewhere. */
const SERVED: readonly (readonly [begin: string, path: string])[] = [
  ['/page.html', join(HERE, 'page', 'page.html')],
  ['/build/', BUILD],
  ['/public/build/img/icons/', ICONS],
  ['/public/fonts/inter/Inter-Regular.woff2', join(FONT, 'inter-latin-400-normal.woff2')],
  ['/public/fonts/inter/Inter-Medium.woff2', join(FONT, 'inter-latin-500-normal.woff2')],
];
const WIDTHS = { wide: 1280, narrow: 390 } as const;
const COLOURS = 64;

interface Shot {
  readonly uid: string;
  readonly moment: Moment;
  readonly scheme?: 'light' | 'dark';
  readonly width?: keyof typeof WIDTHS;
}

/** Every picture by its file's name. */
const SHOTS: Readonly<Record<string, Shot>> = {
  'overview-well': { uid: 'openclaw-overview', moment: 'well' },
  'overview-well-dark': { uid: 'openclaw-overview', moment: 'well', scheme: 'dark' },
  'overview-gone': { uid: 'openclaw-overview', moment: 'gone' },
  'overview-mismatch-dark': { uid: 'openclaw-overview', moment: 'mismatch', scheme: 'dark' },
  'overview-mismatch-narrow': { uid: 'openclaw-overview', moment: 'mismatch', width: 'narrow' },
  fleet: { uid: 'openclaw-fleet', moment: 'gone' },
  gateway: { uid: 'openclaw-gateway', moment: 'mismatch' },
  access: { uid: 'openclaw-access', moment: 'mismatch' },
  cron: { uid: 'openclaw-cron', moment: 'mismatch' },
  'cron-dark-narrow': { uid: 'openclaw-cron', moment: 'mismatch', scheme: 'dark', width: 'narrow' },
  network: { uid: 'openclaw-network', moment: 'gone' },
  exporter: { uid: 'openclaw-exporter', moment: 'mismatch', scheme: 'dark' },
};

async function recordings(file: string | undefined): Promise<Recordings> {
  if (file !== undefined) return JSON.parse(readFileSync(file, 'utf8'));
  const made = await record((text) => process.stdout.write(`${text}\n`));
  mkdirSync(BUILD, { recursive: true });
  writeFileSync(join(BUILD, 'recording.json'), JSON.stringify(made));
  return made;
}

/** Answers from files, without a server. */
async function serve(route: Route): Promise<void> {
  const { origin, pathname } = new URL(route.request().url());
  const place = SERVED.find(([begin]) => origin === ORIGIN && pathname.startsWith(begin));
  if (place === undefined) return route.fulfill({ status: 404 });
  const [begin, path] = place;
  return route.fulfill({ path: join(path, pathname.slice(begin.length)) });
}

/** Takes one picture. Throws with what the page complained of, if anything. */
async function picture(browser: Browser, data: Recording, shot: Shot): Promise<Buffer> {
  const { uid, scheme = 'light', width: name = 'wide' } = shot;
  const width = WIDTHS[name];
  const context = await browser.newContext({ viewport: { width, height: 1000 }, timezoneId: 'UTC' });
  try {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`);
    });
    // "Three minutes ago" counts from the end of the recording.
    await page.clock.setFixedTime(data.to * 1000);
    await page.route('**/*', serve);
    await page.goto(`${ORIGIN}/page.html`);
    await page.evaluate(
      (all) => (globalThis as unknown as { show: (...args: unknown[]) => Promise<void> }).show(...all),
      [data, uid, scheme, width] as const,
    );
    await page.locator('.page').waitFor();
    await page.evaluate('document.fonts.ready');
    // Grafana's table draws nothing that lies below the window.
    const height = await page.locator('.page').evaluate((shown) => shown.clientHeight);
    await page.setViewportSize({ width, height });
    await page.waitForLoadState('networkidle');
    const taken = await page.screenshot({ fullPage: true, animations: 'disabled' });
    if (complaints.length > 0) process.stderr.write(`${uid}: ${[...new Set(complaints)].join('\n')}\n`);
    return taken;
  } finally {
    await context.close();
  }
}

const { values } = parseArgs({
  options: { from: { type: 'string' }, only: { type: 'string' }, out: { type: 'string', default: PICTURES } },
});
const data = await recordings(values.from);
const only = values.only?.split(',');
mkdirSync(values.out, { recursive: true });
const browser = await openBrowser();
try {
  for (const [name, shot] of Object.entries(SHOTS)) {
    if (only !== undefined && !only.includes(name)) continue;
    const file = join(values.out, `${name}.png`);
    const taken = await picture(browser, data[shot.moment], shot);
    await sharp(taken).png({ palette: true, colours: COLOURS, effort: 10, compressionLevel: 9 }).toFile(file);
    process.stdout.write(`${name}: ${Math.round(statSync(file).size / 1000)} kB\n`);
  }
} finally {
  await browser.close();
}
