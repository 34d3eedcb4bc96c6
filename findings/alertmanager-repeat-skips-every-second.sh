#!/usr/bin/env bash
# Expected: with group_interval and repeat_interval both 3 s, an alert that keeps firing is notified every 3 s.
# Seen with Alertmanager 0.25.0 (Debian 12): every 6 s. A group is considered once per group_interval, and the repeat is then
# found to be some milliseconds early; with a repeat_interval of 1 s it is notified every 3 s.
# Matters: a dead man's switch at 1m and 1m is late every second time.
source "$(dirname "$0")/lib/alerting.bash"
need prometheus-alertmanager curl python3

hook=$(free_port)
port=$(free_port)
start_recorder "$hook"
cat >"$work/alertmanager.yml" <<YAML
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 0s
  group_interval: 3s
  repeat_interval: 3s
  routes: [{ matchers: [alertname="Shorter"], receiver: hook, repeat_interval: 1s }]
receivers: [{ name: hook, webhook_configs: [{ url: "http://127.0.0.1:$hook/" }] }]
YAML
start_alertmanager "$port" "$work/alertmanager.yml"
curl -fsS -H 'content-type: application/json' "http://127.0.0.1:$port/api/v2/alerts" \
  -d '[{"labels":{"alertname":"Equal"}},{"labels":{"alertname":"Shorter"}}]'
sleep 25
cat "$work/recorded"
equal=$(count 'Equal')
shorter=$(count 'Shorter')
echo "in 25 s: $equal with equal intervals, $shorter with a shorter repeat"
verdict 'equal intervals send about half as often' "$((equal * 10 < shorter * 7))" 1
