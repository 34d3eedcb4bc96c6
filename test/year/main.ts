import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { evaluationMinutes, playWindows } from './play.ts';
import { isKept, keepOutcome, RULES } from './results.ts';
import { KINDS, selectShare, yearWindows } from './windows.ts';

const USAGE = `npm run year -- [--share] [--kind=KIND ...] [--again] [--as=before --rules=FOLDER --alertmanager=FILE]
  --share         one window of each kind, and every outage
  --kind          only windows of this kind: ${KINDS.join(', ')}
  --again         also windows whose result is kept
  --as            which rules these are: ${RULES.join(', ')}
  --rules         a folder of rule files, and with --alertmanager the configuration that goes with them
`;

const root = join(import.meta.dirname, '..', '..');
const { values } = parseArgs({
  options: {
    share: { type: 'boolean', default: false },
    kind: { type: 'string', multiple: true, default: [...KINDS] },
    again: { type: 'boolean', default: false },
    as: { type: 'string', default: 'bundled' },
    rules: { type: 'string', default: join(root, 'prometheus', 'rules') },
    alertmanager: { type: 'string', default: join(root, 'prometheus', 'alertmanager.yml') },
    help: { type: 'boolean', default: false },
  },
});
const rules = RULES.find((one) => one === values.as);
if (values.help || rules === undefined) {
  process.stderr.write(USAGE);
  process.exit(2);
}
// No alert reads what dashboards and health record.
const played = {
  rules: join(resolve(values.rules), '[^dh]*.yml'),
  alertmanager: resolve(values.alertmanager),
};
const windows = (values.share ? selectShare(yearWindows()) : yearWindows()).filter(
  (window) => values.kind.includes(window.kind) && (values.again || !isKept(rules, window)),
);
// Windows of one length are played side by side.
const batches = Map.groupBy(windows, (window) => `${window.minutes} ${evaluationMinutes(window)}`);
for (const batch of batches.values()) {
  for (const outcome of await playWindows(batch, played)) {
    const { window, pages, chats, tickets, incidents } = outcome;
    keepOutcome(rules, outcome);
    process.stdout.write(
      `${window.kind}, ${window.name}: ${pages} of ${window.pages} pages (${incidents.join(', ')}), ${chats} in chat, ${tickets} tickets\n`,
    );
  }
}
