import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, openBrowser } from '../../../support/browser.ts';
import { SqliteStore } from '../../../support/cron-store.ts';
import { expectAccessible, expectFitting } from '../../../support/page-checks.ts';
import { textOfPage } from '../../../support/page-text.ts';
import { expectNoSecretShown } from '../../../support/secrets.ts';
import { StandInPlace, StatusWorld, writeJobs } from '../../../support/status-world.ts';
import { until } from '../../../support/until.ts';

const PATIENCE = { timeoutMs: 90_000, everyMs: 500 };
/**
 * Longer than two waits on a busy machine, which outlast the limit of failed attempts: a wait tells
 * what it saw, a hook does not.
 */
const HOOK_MS = 900_000;
const HEALTHY = 'All five layers are healthy';
/** Longer than one interval of the page. */
const NEXT_REFRESH = 16_000;
const HOSTILE_NAMES = [
  '<img src=x onerror="document.title=1">',
  '</td></table><script>document.title=1</script>',
  `"'><svg onload=document.title=1>`,
  '\u{202e}txt.exe',
  `x${'y'.repeat(300)}`,
  'javascript:document.title=1',
  '',
];
const JOBS = [{ name: 'morning briefing' }, ...HOSTILE_NAMES.map((name) => ({ name }))];
const SCHEMES = ['light', 'dark'] as const;
const NARROW = { width: 360, height: 740 };
const FOCUS_ORDER = [
  'skip',
  'to-process',
  'to-answers',
  'to-token',
  'to-cron',
  'to-network',
  'to-history',
  'to-metrics',
  'to-runbooks',
];

const why = hasChromium ? '' : ' (skipped: /usr/bin/chromium is not installed)';

describe.skipIf(!hasChromium)(`the status page in Chromium${why}`, () => {
  let world: StatusWorld;
  let store: SqliteStore;
  let browser: Browser;
  const complaints: string[] = [];

  beforeAll(async () => {
    const place = await StandInPlace.create();
    store = new SqliteStore(place.stateDir);
    writeJobs(store, JOBS);
    world = await StatusWorld.start(place);
    browser = await openBrowser();
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    store?.stop();
    await world?.remove();
    expectNoSecretShown();
  });

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(complaints.splice(0)).toEqual([]);
  });

  /** A page that notes whatever the browser complains of: errors, refused resources, broken policies. */
  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== new URL(world.url()).origin) complaints.push(request.url());
    });
    await page.goto(world.url());
    return page;
  }

  async function untilHeadline(words: string): Promise<void> {
    await until(
      async () => {
        const page = await (await fetch(world.url())).text();
        if (!page.includes(words)) throw new Error(`the page says: ${textOfPage(page).slice(0, 1_500)}`);
        return true;
      },
      { ...PATIENCE, what: `the headline "${words}"` },
    );
  }

  const focusedId = async (page: Page) => String(await page.evaluate('document.activeElement.id'));

  const states: readonly {
    readonly name: string;
    readonly headline: string;
    readonly cause: RegExp;
    readonly layer: string;
    readonly bring: () => Promise<unknown> | unknown;
    readonly take?: () => Promise<unknown> | unknown;
  }[] = [
    { name: 'healthy', headline: HEALTHY, cause: /healthy/, layer: 'Process OK', bring: () => undefined },
    {
      name: 'a gateway that is down',
      headline: 'Broken. Likeliest cause: the gateway’s own process',
      cause: /no gateway process runs.*Next step:/s,
      layer: 'Process Broken',
      bring: () => world.kill(),
    },
    {
      name: 'a gateway that hangs',
      headline: 'Broken. Likeliest cause: the gateway’s own process',
      cause: /stopped by a signal.*Next step:\s*kill -CONT \d+/s,
      layer: 'Process Broken',
      bring: () => world.hang(),
    },
    {
      name: 'a stranger on the port',
      headline: 'Broken. Likeliest cause: the gateway’s own process',
      cause: /Next step:/,
      layer: 'Answers Broken',
      bring: () => world.letAStrangerIn(),
    },
    {
      name: 'a token that no longer matches',
      headline: 'Broken. Likeliest cause: authentication',
      cause: /refuses the credential of openclaw\.json.*Next step:\s*Decide which token is right/s,
      layer: 'Token Broken',
      bring: () => world.changeToken(),
    },
    {
      name: 'a cron job that fails',
      headline: 'Works, with a warning. Likeliest cause: cron',
      cause: /job morning briefing.*failed 5 times in a row.*Next step:\s*openclaw cron runs/s,
      layer: 'Cron Warning',
      bring: () => writeJobs(store, [{ name: 'morning briefing', errors: 5 }]),
      take: () => writeJobs(store, JOBS),
    },
    {
      name: 'an SSH host that is down',
      headline: 'Broken. Likeliest cause: the network',
      cause: /ssh macbook.*refuses the connection.*Next step:/s,
      layer: 'Network Broken',
      bring: () => world.sshd.stop(),
    },
  ];

  describe.each(states)('with $name', ({ headline, cause, layer, bring, take }) => {
    beforeAll(async () => {
      await untilHeadline(HEALTHY);
      await bring();
      await untilHeadline(headline);
    }, HOOK_MS);

    afterAll(async () => {
      await take?.();
      if (headline !== HEALTHY) await world.heal();
    }, HOOK_MS);

    it('names the verdict, its cause and the next step first, and the layer that it is about', async () => {
      const page = await open();
      await until(
        async () => {
          await page.reload();
          const region = await page.getByRole('region', { name: headline }).textContent();
          const tiles = await page
            .getByRole('navigation', { name: 'Layers' })
            .getByRole('link')
            .allInnerTexts();
          const isShown = tiles.some((text) => text.replace(/\s+/g, ' ').includes(layer));
          return isShown && cause.test(region ?? '');
        },
        { ...PATIENCE, what: `${layer} because of ${cause}` },
      );
      expect(await page.title()).toMatch(/^(?:OK|Broken|Warning): OpenClaw gateway status$/);
    });

    it.each(SCHEMES)('can be read by everybody on %s, wide and narrow', async (colorScheme) => {
      const page = await open({ colorScheme });
      await expectAccessible(page);
      await expectFitting(page);
      await page.setViewportSize(NARROW);
      await expectAccessible(page);
      await expectFitting(page);
    });
  });

  describe('whatever its state', () => {
    beforeAll(() => untilHeadline(HEALTHY), HOOK_MS);

    it('shows hostile names of jobs as text, and runs none of them', async () => {
      const page = await open();
      const jobs = page.getByRole('table', { name: /^Jobs/ });
      const names = await jobs.getByRole('rowheader').allInnerTexts();
      expect(names).toHaveLength(JOBS.length);
      expect(names).toContain('<img src=x onerror="document.title=1">');
      expect(names.join()).not.toContain('\u{202e}');
      expect(await page.title()).not.toBe('1');
      expect(await page.evaluate('document.querySelectorAll("main img, main script").length')).toBe(0);
    });

    it('lets no script run but its own', async () => {
      const page = await open();
      await page.evaluate(`
        const script = document.createElement('script');
        script.textContent = 'document.title = 1';
        document.body.append(script);
      `);
      expect(await page.title()).not.toBe('1');
      expect(complaints.splice(0).join()).toMatch(/content security policy/i);
    });

    it('keeps its tables tables on a narrow screen', async () => {
      const page = await open({ viewport: NARROW });
      const jobs = page.getByRole('table', { name: /^Jobs/ });
      expect(await jobs.getByRole('columnheader').count()).toBe(6);
      const hosts = page.getByRole('table', { name: /^SSH hosts/ });
      expect(await hosts.getByRole('rowheader').allInnerTexts()).toEqual(['laptop-asleep', 'macbook']);
    });

    it('tells a screen reader what each row of the timeline and each curve shows', async () => {
      const page = await open({ javaScriptEnabled: false });
      const timeline = page.getByRole('table').filter({ hasText: 'Last 24 hours' });
      expect(await timeline.getByRole('img').count()).toBe(10);
      for (const image of await page.getByRole('main').getByRole('img').all()) {
        expect(await image.getAttribute('aria-label')).toMatch(/: /);
      }
      const answers = timeline.getByRole('img', { name: /^Answers, last 24 hours: .*ok \d+/ });
      await until(async () => (await page.reload()) !== null && (await answers.count()) === 1, PATIENCE);
      await until(async () => {
        await page.reload();
        return (await page.getByRole('img', { name: /^Ping over HTTP: p50 .* ms, p95 .* ms/ }).count()) === 1;
      }, PATIENCE);
    });

    it('has landmarks and headings in the order of importance', async () => {
      const page = await open();
      for (const role of ['banner', 'main', 'navigation', 'contentinfo'] as const)
        expect(await page.getByRole(role).count()).toBe(1);
      const headings = await page.getByRole('heading').allInnerTexts();
      expect(headings.map((text) => text.split(':')[0]?.trim())).toEqual([
        'OpenClaw gateway status',
        HEALTHY,
        'Timeline',
        'Incidents of the last 24 hours',
        'Process',
        'Answers',
        'Token',
        'Cron',
        'Network',
      ]);
    });

    it('is gone through by keyboard in the order in which it is read', async () => {
      const page = await open();
      const order: string[] = [];
      for (const _ of FOCUS_ORDER) {
        await page.keyboard.press('Tab');
        order.push(await focusedId(page));
      }
      expect(order).toEqual(FOCUS_ORDER);
      await page.reload();
      await page.keyboard.press('Tab');
      expect(await page.locator('#skip').isVisible()).toBe(true);
      await page.keyboard.press('Enter');
      expect(await focusedId(page)).toBe('main');
    });

    it('renews itself without losing focus or place, and says what is new', async () => {
      const page = await open({ viewport: NARROW });
      await page.clock.install();
      await page.reload();
      await page.evaluate('globalThis.isSame = true');
      await page.locator('#to-cron').focus();
      await page.evaluate('scrollTo(0, 400)');
      await world.kill();
      await untilHeadline('Broken');
      await page.clock.runFor(NEXT_REFRESH);
      await until(async () => (await page.title()).startsWith('Broken'), PATIENCE);
      expect(await focusedId(page)).toBe('to-cron');
      expect(await page.evaluate('scrollY')).toBe(400);
      expect(await page.evaluate('globalThis.isSame')).toBe(true);
      expect(await page.locator('#news').textContent()).toContain('Broken. Likeliest cause');
      await world.heal();
      await untilHeadline(HEALTHY);
    }, 120_000);

    it('waits with that while somebody selects a command to copy', async () => {
      const page = await open();
      await page.clock.install();
      await page.reload();
      await page.evaluate('document.querySelector("main").isSame = true');
      await page.evaluate('getSelection().selectAllChildren(document.querySelector("#verdict"))');
      await page.clock.runFor(NEXT_REFRESH);
      expect(await page.evaluate('document.querySelector("main").isSame')).toBe(true);
      await page.evaluate('getSelection().removeAllRanges()');
      await page.clock.runFor(NEXT_REFRESH);
      await until(
        async () => (await page.evaluate('document.querySelector("main").isSame')) !== true,
        PATIENCE,
      );
    });

    it('says that it is out of date while the exporter does not answer, and no longer', async () => {
      const page = await open();
      await page.clock.install();
      await page.reload();
      await page.route(world.url(), (route) => route.fulfill({ status: 503, body: '' }));
      await page.clock.runFor(NEXT_REFRESH);
      await until(async () => (await page.locator('#note').textContent())?.includes('out of date'), PATIENCE);
      await expectAccessible(page);
      await page.unroute(world.url());
      await page.clock.runFor(NEXT_REFRESH);
      await until(async () => (await page.locator('#note').textContent()) === '', PATIENCE);
      // What the browser says of the answer above.
      expect(complaints.splice(0).every((text) => text.includes('503'))).toBe(true);
    });

    it('renews itself without JavaScript too', async () => {
      const page = await open({ javaScriptEnabled: false });
      expect(await page.locator('meta[http-equiv="refresh"]').getAttribute('content')).toBe('15');
      const withScript = await open();
      expect(await withScript.locator('meta[http-equiv="refresh"]').count()).toBe(0);
    });
  });
});
