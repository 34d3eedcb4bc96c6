#!/usr/bin/env bash
# Expected: a job of every half hour runs every half hour, whatever its time zone does with its clocks.
# Seen with croner 10.0.1 (OpenClaw's scheduler) and with systemd 252's calendar: on the day the clocks of Europe/Berlin go back,
# neither has an occurrence in the second hour from 02:00 to 03:00: 90 minutes pass instead of 30. In UTC both are regular.
# Matters: "no run for twice the interval" is a false alarm on that night, unless the next occurrence is computed as the
# scheduler computes it.
source "$(dirname "$0")/lib/alerting.bash"
need npm systemd-analyze

cd "$work"
(npm init -y && npm install --no-audit --no-fund --ignore-scripts croner@10.0.1) >"$work/install.log" 2>&1 ||
  { tail -3 "$work/install.log" >&2; exit 2; }
cat >next.mjs <<'JS'
import { Cron } from 'croner';
let at = new Date('2026-10-25T00:00:00Z');
const job = new Cron('*/30 * * * *', { timezone: process.argv[2], paused: true });
for (let i = 0; i < 4; i += 1) {
  at = job.nextRun(at);
  console.log(at.toISOString().slice(11, 16));
}
JS
croner() { node next.mjs "$1" | tr '\n' ' '; }
systemd() {
  TZ=UTC systemd-analyze calendar --base-time='2026-10-25 00:00:00 UTC' --iterations=4 "*-*-* *:00/30 $1" |
    grep -oE '(elapse|#[0-9]+): .*' | grep -oE '[0-9]{2}:[0-9]{2}:00' | cut -c1-5 | tr '\n' ' '
}
regular='00:30 01:00 01:30 02:00 '
resting='00:30 02:00 02:30 03:00 '
verdict 'the next four, in UTC' \
  "croner $(croner UTC)systemd $(systemd UTC)croner $(croner Europe/Berlin)systemd $(systemd Europe/Berlin)" \
  "croner ${regular}systemd ${regular}croner ${resting}systemd ${resting}"
