import { JournalWorld } from './journal-world.ts';

/**
 * A program for tests: 500 jobs fail each minute, and an incident happens on the first day. It records from the minute of
 * its second argument to that of its third, in steps of the fourth, and tells after each 6 hours what the journal shows.
 */
const [folder = '', ...numbers] = process.argv.slice(2);
const [from = 0, to = 0, step = 1] = numbers.map(Number);
const MINUTE_MS = 60_000;
const JOBS = 500;

const world = new JournalWorld(folder);
await world.clock.advance(from * MINUTE_MS);
for (let minute = from; minute <= to; minute += step) {
  const isRefused = minute >= 120 && minute < 180;
  world.evidence.set('token', [
    {
      layer: 'token',
      subject: 'gateway',
      verdict: isRefused ? 'bad' : 'ok',
      text: isRefused ? 'token of openclaw.json refused' : 'accepted',
      ...(isRefused ? { fault: 'token-mismatch' as const } : {}),
    },
  ]);
  world.totals = Array.from({ length: JOBS }, (_, index) => ({
    id: `job-${index}`,
    name: `nightly report ${index}`,
    counts: { runs: { ok: 0, error: minute }, missed: 0 },
    last: { atMs: world.clock.now(), status: 'error' },
  }));
  await world.record();
  if (minute % 360 < step) {
    const { incidents, jobs } = await world.history();
    const failed = jobs.reduce((sum, one) => sum + one.failed, 0);
    process.stdout.write(`${JSON.stringify({ minute, failed, incidents: incidents.length })}\n`);
  }
  await world.clock.advance(step * MINUTE_MS);
}
await world.stop();
