#!/usr/bin/env bash
# Expected: increase() of a counter that is first seen at 7 and stays there is 0, as in Prometheus.
# Seen with VictoriaMetrics 1.79.5 (Debian 12): 7. A series without an earlier sample is taken to begin at 0 when its next
# value is the same and it is small (500 is not); Prometheus 2.42 says 0 for the same samples. changes() counts the first sample too.
# Matters: totals that survive a restart of their exporter, scraped for the first time, look like so many events at once.
source "$(dirname "$0")/lib/alerting.bash"
need victoria-metrics promtool curl python3

port=$(free_port)
start victoria victoria-metrics -storageDataPath="$work/data" -httpListenAddr="127.0.0.1:$port" -retentionPeriod=1
until_ok "http://127.0.0.1:$port/health"
now=$(date +%s)
for age in $(seq 300 -15 0); do echo "restarts_total 7 $(((now - age) * 1000))"; done >"$work/samples"
curl -fsS --data-binary "@$work/samples" "http://127.0.0.1:$port/api/v1/import/prometheus"
# What was just written is found after a moment.
sleep 3
ask() {
  curl -fsS "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=$1" --data-urlencode "time=$now" |
    python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; print(r[0]["value"][1] if r else "none")'
}
seen="$(ask 'increase(restarts_total[10m])'), $(ask 'changes(restarts_total[10m])')"

cat >"$work/test.yml" <<'YAML'
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series: [{ series: restarts_total, values: 7x20 }]
    promql_expr_test:
      - { expr: 'increase(restarts_total[10m])', eval_time: 5m, exp_samples: [{ labels: '{}', value: 0 }] }
      - { expr: 'changes(restarts_total[10m])', eval_time: 5m, exp_samples: [{ labels: '{}', value: 0 }] }
YAML
promtool test rules "$work/test.yml" >"$work/promtool" || { cat "$work/promtool"; exit 1; }
verdict 'increase and changes in VictoriaMetrics (0 and 0 in Prometheus)' "$seen" '7, 1'
