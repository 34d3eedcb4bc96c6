#!/usr/bin/env bash
# Expected: a watched file whose folder is renamed away, and made anew under the old name, is reported as removed and added.
# Seen with chokidar 6.0.0 on Linux: nothing is reported, then or later, not even a change of the new file. Where the folder
# is removed rather than renamed, unlink, add and change arrive.
# Matters: a state folder is put back from a backup in just this way, and a program that trusts its watcher reads the
# values of before for ever.
source "$(dirname "$0")/lib/alerting.bash"
need npm

cd "$work"
(npm init -y && npm install --no-audit --no-fund --ignore-scripts chokidar@6.0.0 && npm install --no-audit --no-fund node@24.21.0) \
  >"$work/install.log" 2>&1 || { tail -3 "$work/install.log" >&2; exit 2; }
cat >watch.mjs <<'JS'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { watch } from 'chokidar';

async function eventsOf(takeAway) {
  const base = mkdtempSync('case-');
  const folder = join(base, 'state');
  const file = join(folder, 'settings');
  mkdirSync(folder);
  writeFileSync(file, 'old');
  const events = [];
  const watcher = watch(file, { ignoreInitial: true });
  await new Promise((resolve) => watcher.once('ready', resolve));
  watcher.on('all', (event, path) => { if (path === file) events.push(event); });
  takeAway(folder);
  await pause(1000);
  mkdirSync(folder);
  writeFileSync(file, 'new');
  await pause(1000);
  writeFileSync(file, 'newer');
  await pause(2000);
  await watcher.close();
  return events.join(' ') || 'nothing';
}
const removed = await eventsOf((folder) => rmSync(folder, { recursive: true }));
const renamed = await eventsOf((folder) => renameSync(folder, `${folder}.old`));
console.log(`removed: ${removed}; renamed: ${renamed}`);
JS
verdict 'the events' "$(node_modules/.bin/node watch.mjs)" 'removed: unlink add change; renamed: nothing'
