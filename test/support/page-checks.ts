import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { z } from 'zod';

const findings = z.object({
  passes: z.array(z.unknown()),
  violations: z.array(z.object({ id: z.string(), impact: z.string().nullable(), help: z.string() })),
});
const widths = z.object({ scroll: z.number(), width: z.number() });
const WIDTHS =
  '({ scroll: document.documentElement.scrollWidth, width: document.documentElement.clientWidth })';

/** Expects that axe finds nothing serious on a page, of which at least `passes` of its rules speak. */
export async function expectAccessible(page: Page, passes = 20): Promise<void> {
  await page.evaluate(axe.source);
  const found = findings.parse(await page.evaluate('axe.run()'));
  expect(found.passes.length).toBeGreaterThan(passes);
  const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious).toEqual([]);
}

/** Expects that nothing of a page is beside the screen. */
export async function expectFitting(page: Page): Promise<void> {
  const { scroll, width } = widths.parse(await page.evaluate(WIDTHS));
  expect(scroll).toBeLessThanOrEqual(width);
}
