import { playStories } from './play.ts';
import { publishStories } from './report.ts';
import { STORIES } from './stories.ts';

const only = process.argv.slice(2);
const chosen = STORIES.filter(({ id }) => only.length === 0 || only.some((part) => id.includes(part)));
const results = await playStories(chosen, (text) => process.stderr.write(`${text}\n`));
for (const { story, messages, misses } of results) {
  process.stdout.write(`${story.id}: ${misses.length === 0 ? 'as expected' : misses.join('; ')}\n`);
  for (const { receiver, status, incident, minute, alerts } of messages) {
    process.stdout.write(`  ${minute.toFixed(1)} ${receiver} ${status} ${incident} ${alerts.join(', ')}\n`);
  }
}
if (only.length === 0) await publishStories(results);
process.exitCode = results.every(({ misses }) => misses.length === 0) ? 0 : 1;
