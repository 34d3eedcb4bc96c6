#!/usr/bin/env bash
# Expected: a configuration whose template file does not exist is refused by `amtool check-config` and at start.
# Seen with Alertmanager 0.25.0 (Debian 12): both accept it (a pattern without a match is no mistake), and every notification
# that uses the template then fails.
# Matters: a pager that is installed without its template file looks well until the first page.
source "$(dirname "$0")/lib/alerting.bash"
need prometheus-alertmanager amtool curl python3

hook=$(free_port)
port=$(free_port)
start_recorder "$hook"
echo "http://127.0.0.1:$hook/" >"$work/url"
cat >"$work/alertmanager.yml" <<YAML
templates: [missing/*.tmpl]
route: { receiver: chat, group_wait: 0s }
receivers:
  - name: chat
    slack_configs: [{ api_url_file: "$work/url", title: '{{ template "missing" . }}' }]
YAML
amtool check-config "$work/alertmanager.yml" >"$work/check" && checked=accepted || checked=refused
start_alertmanager "$port" "$work/alertmanager.yml"
curl -fsS -H 'content-type: application/json' "http://127.0.0.1:$port/api/v2/alerts" -d '[{"labels":{"alertname":"Down"}}]'
sleep 5
failed=$(curl -fsS "http://127.0.0.1:$port/metrics" | awk '/^alertmanager_notifications_failed_total.integration="slack"/ { print $2 }')
echo "delivered: $(wc -l <"$work/recorded"), failed: $failed"
verdict 'amtool and the notification' "$checked, $([ "$failed" -gt 0 ] && echo failed || echo delivered)" 'accepted, failed'
