import { createServer, type Server } from 'node:http';
import express from 'express';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRunbookRouter } from '../../../../src/web/runbooks/router.ts';
import { hasChromium, openBrowser } from '../../../support/browser.ts';
import { MACHINE } from '../../../support/machine.ts';
import { expectAccessible, expectFitting } from '../../../support/page-checks.ts';
import { freePort } from '../../../support/ports.ts';

const SCHEMES = ['light', 'dark'] as const;
const NARROW = { width: 360, height: 740 };
/** Of axe's rules, those that speak of so plain a page. */
const RULES = 12;
const GATEWAY_DOWN = 'OpenClawGatewayDown';
const why = hasChromium ? '' : ' (skipped: /usr/bin/chromium is not installed)';

describe.skipIf(!hasChromium)(`the runbooks in Chromium${why}`, () => {
  let server: Server;
  let browser: Browser;
  let url: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/openclaw/runbooks/`;
    const exporterUrl = () => `http://127.0.0.1:${port}`;
    const router = createRunbookRouter({
      version: '1.2.3',
      machine: async () => MACHINE,
      exporterUrl,
      telemetryPath: '/metrics',
    });
    // Below a path, as behind a proxy that does not take it off.
    server = createServer(express().use('/openclaw/runbooks', router));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    browser = await openBrowser();
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(complaints.splice(0)).toEqual([]);
  });

  async function open(name: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage();
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${url}${name}`);
    return page;
  }

  describe.each(['', GATEWAY_DOWN])('at /runbooks/%s', (name) => {
    it.each(SCHEMES)('can be read by everybody on %s, wide and narrow', async (colorScheme) => {
      const page = await open(name, { colorScheme });
      await expectAccessible(page, RULES);
      await expectFitting(page);
      await page.setViewportSize(NARROW);
      await expectAccessible(page, RULES);
      await expectFitting(page);
    });
  });

  it('are reached from their list by keyboard, without a script', async () => {
    const page = await open('', { javaScriptEnabled: false });
    await page.keyboard.press('Tab');
    expect(await page.locator('#skip').isVisible()).toBe(true);
    await page.getByRole('link', { name: GATEWAY_DOWN, exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(`${url}${GATEWAY_DOWN}`);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(GATEWAY_DOWN);
    await page.getByRole('link', { name: 'All runbooks' }).press('Enter');
    await page.waitForURL(url);
  });

  it('print without the links that paper cannot follow', async () => {
    const page = await open(GATEWAY_DOWN);
    expect(await page.getByText('All runbooks').isVisible()).toBe(true);
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByText('All runbooks').isVisible()).toBe(false);
    expect(await page.getByText('Do not delete lock files').isVisible()).toBe(true);
  });
});
