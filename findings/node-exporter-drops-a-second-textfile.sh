#!/usr/bin/env bash
# Expected: of two files in the textfile folder that hold one metric with different HELP texts both are exposed, or
# `node_textfile_scrape_error` is 1.
# Seen with node_exporter 1.5.0 (Debian 12): the first file's samples are exposed, the second's are not, although their labels
# differ; the answer is 200, `node_textfile_scrape_error` 0, and the second file's mtime is exposed as if it had been taken.
# The same holds for two files with the same series. Only node_exporter's log tells.
# Matters: two releases of one program that write a file each differ in a HELP text sooner or later, and an alert on the
# file's age stays quiet.
source "$(dirname "$0")/lib/alerting.bash"
need prometheus-node-exporter curl python3

mkdir "$work/files"
write() { printf '# HELP job_up %s\n# TYPE job_up gauge\njob_up{job_name="%s"} 1\n' "$2" "$1" >"$work/files/$1.prom"; }
write first 'Whether the job is up.'
write second '1 while the job is up.'
port=$(free_port)
start node prometheus-node-exporter --web.listen-address="127.0.0.1:$port" --collector.disable-defaults \
  --collector.textfile --collector.textfile.directory="$work/files"
until_ok "http://127.0.0.1:$port/metrics"
grep -E '^(job_up|node_textfile)' "$work/answer"
jobs=$(grep -c '^job_up' "$work/answer")
files=$(grep -c '^node_textfile_mtime_seconds' "$work/answer")
error=$(awk '/^node_textfile_scrape_error/ { print $2 }' "$work/answer")
grep -o 'collected metric.*' "$work/node.log" | head -1
verdict 'samples, files, error' "$jobs, $files, $error" '1, 2, 0'
