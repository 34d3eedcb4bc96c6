# Helpers of the scripts that start Prometheus, Alertmanager and VictoriaMetrics. Sourced, not run.
set -euo pipefail

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || { echo "missing: $program" >&2; exit 2; }
  done
}

work=$(mktemp -d)
started=()
finish() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# free_port: a loopback port that is free now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start NAME COMMAND...: runs it in the background, its output in $work/NAME.log.
start() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  started+=($!)
}

# until_ok URL: waits until it answers.
until_ok() {
  local try
  for try in $(seq 100); do
    curl -fsS -o "$work/answer" "$1" 2>/dev/null && return
    sleep 0.2
  done
  echo "no answer from $1" >&2
  exit 2
}

# start_recorder PORT: each webhook call becomes a line "SECONDS STATUS NAMES" in $work/recorded.
start_recorder() {
  cat >"$work/recorder.py" <<'PYTHON'
import http.server, json, sys, time
begin = time.time()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = ",".join(a["labels"]["alertname"] for a in body.get("alerts", []))
        with open(sys.argv[2], "a") as out:
            print(f"{time.time() - begin:.1f} {body.get('status')} {names}", file=out)
        self.send_response(200)
        self.end_headers()
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
PYTHON
  : >"$work/recorded"
  start recorder python3 "$work/recorder.py" "$1" "$work/recorded"
  until_ok "http://127.0.0.1:$1/"
}

# start_alertmanager PORT CONFIG
start_alertmanager() {
  start alertmanager prometheus-alertmanager --config.file="$2" --storage.path="$work/alertmanager" \
    --web.listen-address="127.0.0.1:$1" --cluster.listen-address=
  until_ok "http://127.0.0.1:$1/-/ready"
}

# count PATTERN: how many recorded lines match.
count() { grep -cE "$1" "$work/recorded" || true; }

# verdict NAME SEEN STATED: prints both and ends with 0 where they are equal.
verdict() {
  echo "$1: seen $2, stated $3"
  [ "$2" = "$3" ] || { echo 'the behaviour has changed'; exit 1; }
}
