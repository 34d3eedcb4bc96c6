#!/usr/bin/env bash
# Expected: after a restart an alert's `for` goes on where it was, if the gap is shorter than --rules.alert.for-outage-tolerance.
# Seen with Prometheus 2.42.0 (Debian 12): only if its expression already holds at the second evaluation. Service discovery
# hands out the first targets after 5 s, so with an evaluation interval of 2 s and a gap longer than the lookback there is nothing to
# restore yet: the `for` of 30 s starts again. With an evaluation interval of 8 s it goes on, and the alert fires at once.
# Matters: a short evaluation interval loses the state of alerts over a restart, without a word in the log.
source "$(dirname "$0")/lib/alerting.bash"
need prometheus curl python3

hook=$(free_port)
start_recorder "$hook"

# state_after_restart INTERVAL: the alert's state a while after Prometheus is back from a gap of 15 s.
state_after_restart() {
  local interval=$1 port folder pid
  port=$(free_port)
  folder="$work/$interval"
  mkdir -p "$folder"
  cat >"$folder/rules.yml" <<YAML
groups: [{ name: g, rules: [{ alert: Down, expr: up == 1, for: 30s }] }]
YAML
  # The recorder answers GET with an empty page, which is a valid scrape.
  cat >"$folder/prometheus.yml" <<YAML
global: { scrape_interval: 1s, evaluation_interval: $interval }
rule_files: [rules.yml]
scrape_configs: [{ job_name: j, static_configs: [{ targets: ["127.0.0.1:$hook"] }] }]
YAML
  run() {
    prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" --query.lookback-delta=10s \
      --rules.alert.for-grace-period=0s --web.listen-address="127.0.0.1:$port" >>"$folder/log" 2>&1 &
    pid=$!
    started+=("$pid")
    until_ok "http://127.0.0.1:$port/-/ready"
  }
  run
  sleep 55
  kill "$pid"
  wait "$pid" || true
  sleep 15
  run
  sleep 30
  curl -fsS "http://127.0.0.1:$port/api/v1/alerts" |
    python3 -c 'import json, sys; print(",".join(a["state"] for a in json.load(sys.stdin)["data"]["alerts"]) or "none")'
  kill "$pid"
}
verdict 'state after the restart, evaluated each 2 s and each 8 s' \
  "$(state_after_restart 2s), $(state_after_restart 8s)" 'pending, firing'
