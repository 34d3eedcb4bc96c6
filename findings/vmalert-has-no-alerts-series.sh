#!/usr/bin/env bash
# Expected: a rule that reads ALERTS sees the alerts of its own evaluator, as in Prometheus.
# Seen with vmalert 1.79.5 (Debian 12): ALERTS is empty unless -remoteWrite.url points at the data source. vmalert starts without
# it and without a warning, and the dependent rule never fires.
# Matters: rules that hold a state by reading ALERTS fail in silence.
source "$(dirname "$0")/lib/alerting.bash"
need victoria-metrics vmalert curl python3

port=$(free_port)
hook=$(free_port)
start_recorder "$hook"
start victoria victoria-metrics -storageDataPath="$work/data" -httpListenAddr="127.0.0.1:$port" -retentionPeriod=1 \
  -search.latencyOffset=1s
until_ok "http://127.0.0.1:$port/health"
cat >"$work/rules.yml" <<'YAML'
groups:
  - name: g
    interval: 1s
    rules:
      - { alert: Cause, expr: vector(1) }
      - { alert: Depends, expr: 'ALERTS{alertname="Cause", alertstate="firing"}' }
YAML
# firing_with FLAGS...: names of the alerts that fire after 15 s.
firing_with() {
  local own
  own=$(free_port)
  start vmalert vmalert -rule="$work/rules.yml" -datasource.url="http://127.0.0.1:$port" \
    -notifier.url="http://127.0.0.1:$hook" -httpListenAddr="127.0.0.1:$own" "$@"
  until_ok "http://127.0.0.1:$own/health"
  sleep 15
  curl -fsS "http://127.0.0.1:$own/api/v1/alerts" | python3 -c '
import json, sys
alerts = json.load(sys.stdin)["data"]["alerts"]
print("+".join(sorted(a["name"] for a in alerts if a["state"] == "firing")))'
}
verdict 'firing without and with -remoteWrite.url' \
  "$(firing_with), $(firing_with -remoteWrite.url="http://127.0.0.1:$port")" 'Cause, Cause+Depends'
