import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../support/promtool.ts';
import { playStories } from './play.ts';
import { STORIES } from './stories.ts';
import type { StoryResult } from './story.ts';

const available = installed('prometheus') && installed('prometheus-alertmanager');

describe.skipIf(!available)(
  'a real Prometheus and Alertmanager (skipped where they are not installed)',
  () => {
    let results: readonly StoryResult[] = [];

    beforeAll(async () => {
      results = await playStories(STORIES);
    }, 900_000);

    afterAll(() => {
      results = [];
    });

    it.each(STORIES.map((story) => [story.title, story] as const))(
      'tell page and chat what is expected of: %s',
      (_title, story) => {
        expect(results.find((result) => result.story === story)?.misses).toEqual([]);
      },
    );

    it('send titles of firing alerts with their next step, and of the end without the word healthy', () => {
      const toPage = results.flatMap(({ messages }) =>
        messages.filter(({ receiver }) => receiver === 'page'),
      );
      const titles = (wanted: string) =>
        toPage.filter(({ status, title }) => status === wanted && title !== '').map(({ title }) => title);
      expect(titles('firing').length).toBeGreaterThan(0);
      expect(titles('resolved').length).toBeGreaterThan(0);
      for (const title of titles('firing')) expect(title).toMatch(/\. Next: \S/);
      for (const title of titles('resolved')) expect(title).toMatch(/^No longer paging: [\w-]+ of [\w-]+$/);
    });
  },
);
