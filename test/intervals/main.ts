import { parseArgs } from 'node:util';
import { intervalBatches, playMissedScrapes } from './play.ts';
import { INTERVALS, isKept, keepInterval } from './results.ts';

const USAGE = `npm run intervals -- [--seconds=N ...] [--file=NAME ...] [--again]
  --seconds       only these scrape intervals: ${INTERVALS.join(', ')}
  --file          only alerts that need this file of rules
  --again         also alerts whose result is kept
`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', multiple: true },
    file: { type: 'string', multiple: true },
    again: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stderr.write(USAGE);
  process.exit(2);
}
const chosen = INTERVALS.filter((seconds) => values.seconds?.includes(String(seconds)) ?? true);
const batches = intervalBatches().filter(
  // The gateway's file goes with every other one.
  ({ files }) =>
    values.file?.some((name) => files.includes(name) && (name !== 'gateway' || files.length === 1)) ?? true,
);
for (const seconds of chosen) {
  for (const batch of batches) {
    if (!values.again && isKept(seconds, batch)) continue;
    const outcome = await playMissedScrapes(seconds, batch);
    keepInterval(seconds, batch, outcome);
    const { expected, missing, falsePages } = outcome;
    process.stdout.write(
      `${seconds} s, ${batch.files.join(', ')}: ${expected.length} alerts, missing: ${missing.join(', ') || 'none'}, false pages: ${falsePages.join(', ') || 'none'}\n`,
    );
  }
}
