#!/usr/bin/env bash
# Expected: `_` in the values of a promtool test, a missing sample, is what a failed scrape leaves behind.
# Seen with Prometheus and promtool 2.42.0: while every second scrape fails, an alert with `for` never fires, as each failure
# marks the series stale and the wait begins again. With `_` in its place promtool sees it fire (the last value holds for five
# minutes), with `stale` it does not.
# Matters: a rule that is tested with `_` against missed scrapes passes, and pages nobody when half of the scrapes fail.
source "$(dirname "$0")/lib/alerting.bash"
need prometheus promtool curl python3

cat >"$work/rules.yml" <<'YAML'
groups:
  - name: service
    interval: 1s
    rules:
      - { alert: ServiceDown, expr: service_up == 0, for: 5s }
YAML
cat >"$work/test.py" <<'PYTHON'
import sys
gap, count = sys.argv[1], int(sys.argv[2])
alerts = "[{ exp_labels: {} }]" if count else "[]"
print(f"""rule_files: [rules.yml]
evaluation_interval: 1s
tests:
  - interval: 1s
    input_series: [{{ series: service_up, values: '{" ".join(["0", gap] * 15)}' }}]
    alert_rule_test: [{{ alertname: ServiceDown, eval_time: 20s, exp_alerts: {alerts} }}]""")
PYTHON
# in_promtool GAP: whether the alert fires with it in place of every second sample.
in_promtool() {
  python3 "$work/test.py" "$1" 1 >"$work/test.yml"
  promtool test rules "$work/test.yml" >"$work/promtool.log" 2>&1 && { echo fires; return; }
  python3 "$work/test.py" "$1" 0 >"$work/test.yml"
  promtool test rules "$work/test.yml" >"$work/promtool.log" 2>&1 && { echo quiet; return; }
  echo neither
}
cat >"$work/service.py" <<'PYTHON'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        self.send_response(200 if Handler.asked % 2 else 500)
        self.end_headers()
        self.wfile.write(b"service_up 0\n")
    def log_message(self, *args):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
PYTHON
service=$(free_port)
port=$(free_port)
cat >"$work/prometheus.yml" <<YAML
global: { scrape_interval: 1s, scrape_timeout: 1s }
rule_files: [rules.yml]
scrape_configs: [{ job_name: service, static_configs: [{ targets: ['127.0.0.1:$service'] }] }]
YAML
start service python3 "$work/service.py" "$service"
start prometheus prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" --web.listen-address="127.0.0.1:$port"
until_ok "http://127.0.0.1:$port/-/ready"
sleep 40
query() { curl -fsS -G "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=$1" | python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; print(r[0]["value"][1] if r else 0)'; }
answered=$(query 'avg_over_time(up[30s]) > 0.3 < 0.7')
firing=$(query 'count_over_time(ALERTS{alertstate="firing"}[40s])')
echo "share of scrapes that were answered: $answered"
[ "$answered" != 0 ] || { echo 'not every second scrape failed' >&2; exit 2; }
verdict 'real, _, stale' "$([ "$firing" = 0 ] && echo quiet || echo fires), $(in_promtool _), $(in_promtool stale)" 'quiet, fires, quiet'
