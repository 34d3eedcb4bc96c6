import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../../test/support/browser.ts';
import { GatewayHome } from '../../test/support/openclaw.ts';
import { StatusWorld } from '../../test/support/status-world.ts';
import { until } from '../../test/support/until.ts';

/**
 * Pictures of the status page: a real exporter beside a real gateway, with a real SSH server,
 * in Debian's Chromium. Four go into docs/; with `--all=FOLDER` every state in light and dark,
 * wide and narrow, goes there.
 */
const DOCS = join(import.meta.dirname, '..');
const VERSION = '2026.9.6';
const SCHEMES = ['light', 'dark'] as const;
const WIDTHS = { wide: 1200, narrow: 390 } as const;
type Scheme = (typeof SCHEMES)[number];
type Width = keyof typeof WIDTHS;

interface Scene {
  readonly name: string;
  readonly headline: string;
  readonly bring: (world: StatusWorld) => Promise<unknown> | unknown;
}

const HEALTHY = 'All five layers are healthy';
const SCENES: readonly Scene[] = [
  { name: 'healthy', headline: HEALTHY, bring: addJobs },
  { name: 'down', headline: 'no gateway process runs', bring: (world) => world.kill() },
  { name: 'hung', headline: 'the gateway hangs', bring: (world) => world.hang() },
  {
    name: 'token-mismatch',
    headline: 'Likeliest cause: authentication',
    bring: (world) => world.changeToken(),
  },
  { name: 'ssh-down', headline: 'Likeliest cause: the network', bring: (world) => world.sshd.stop() },
  { name: 'cron-failing', headline: 'Likeliest cause: cron', bring: addFailingJob },
];

/** The pictures that the documentation shows, by their file's name. */
const SHOWN: Readonly<Record<string, readonly [scene: string, scheme: Scheme, width: Width]>> = {
  'status-page.png': ['healthy', 'light', 'wide'],
  'status-page-dark.png': ['healthy', 'dark', 'wide'],
  'status-page-fault.png': ['token-mismatch', 'light', 'wide'],
  'status-page-narrow.png': ['down', 'dark', 'narrow'],
};

async function addJobs(world: StatusWorld): Promise<void> {
  await addJob(world, 'morning-briefing', ['--cron', '0 7 * * *'], '/bin/true');
  await addJob(world, 'inbox-triage', ['--every', '5s'], '/bin/true');
  await untilShown(world, 'its clock is');
  await untilShown(world, 'ok, <time');
}

async function addFailingJob(world: StatusWorld): Promise<void> {
  await addJob(world, 'backup-notes', ['--every', '2s'], '/bin/false');
}

async function addJob(
  { place, token }: StatusWorld,
  name: string,
  schedule: readonly string[],
  program: string,
) {
  if (!(place instanceof GatewayHome)) throw new Error('only a real gateway takes jobs');
  const command = ['--command-argv', JSON.stringify([program]), '--no-deliver'];
  await place.cli(token, 'cron', 'add', '--name', name, ...schedule, ...command);
}

async function untilShown(world: StatusWorld, words: string): Promise<void> {
  await until(async () => (await (await fetch(world.url())).text()).includes(words), {
    timeoutMs: 200_000,
    everyMs: 500,
    what: `"${words}" on the page`,
  });
}

async function picture(browser: Browser, url: string, scheme: Scheme, width: Width, path: string) {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width: WIDTHS[width], height: 800 },
  });
  const page = await context.newPage();
  await page.goto(url);
  await page.screenshot({ path, fullPage: true });
  await context.close();
}

async function take(browser: Browser, world: StatusWorld, scene: string, all: string | undefined) {
  for (const [file, [of, scheme, width]] of Object.entries(SHOWN)) {
    if (of === scene) await picture(browser, world.url(), scheme, width, join(DOCS, file));
  }
  if (all === undefined) return;
  for (const scheme of SCHEMES) {
    for (const width of Object.keys(WIDTHS) as Width[]) {
      await picture(browser, world.url(), scheme, width, join(all, `${scene}-${scheme}-${width}.png`));
    }
  }
}

const { all, scenes } = parseArgs({
  options: { all: { type: 'string' }, scenes: { type: 'string' } },
}).values;
if (all !== undefined) mkdirSync(all, { recursive: true });
const wanted = scenes?.split(',') ?? SCENES.map(({ name }) => name);
const world = await StatusWorld.start(await GatewayHome.create(VERSION));
const browser = await openBrowser();
try {
  for (const { name, headline, bring } of SCENES.filter((scene) => wanted.includes(scene.name))) {
    await untilShown(world, HEALTHY);
    await bring(world);
    await untilShown(world, headline);
    await take(browser, world, name, all);
    process.stdout.write(`${name}\n`);
    if (headline !== HEALTHY) await world.heal();
  }
} finally {
  await browser.close();
  await world.remove();
}
