# Schemathesis (PyPI) against `tillwatch serve` and its own OpenAPI document.
set -euo pipefail
source "$HERE/lib.sh"
venv=$WORK/venv-schemathesis
if [[ ! -x $venv/bin/schemathesis ]]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check 'schemathesis>=4.32,<5'
fi
start_sandbox "$WORK/schemathesis.json" --limits none --invoices 300 --seed 7
at() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }
home=$(mktemp -d)
export HOME=$home XDG_CONFIG_HOME=$home/config XDG_STATE_HOME=$home/state XDG_RUNTIME_DIR=$home/run
at "$WORK/schemathesis.json" restricted_key >"$home/key"
"$TILLWATCH" --data-dir "$home/data" --api-base "$(at "$WORK/schemathesis.json" base_url)" \
    connect --api-key-file "$home/key" >/dev/null
"$TILLWATCH" --data-dir "$home/data" --json serve --listen 127.0.0.1:0 --webhook-listen 127.0.0.1:0 >"$home/told" &
serve=$!
trap 'kill "$serve" "$SANDBOX_PID" 2>/dev/null || true; wait "$serve" "$SANDBOX_PID" 2>/dev/null || true; rm -rf "$home"' EXIT
for _ in $(seq 200); do
    [[ -s $home/told ]] && break
    kill -0 "$serve" 2>/dev/null || { echo "FAILED start: serve ended"; exit 1; }
    sleep 0.05
done
base=$(at "$home/told" api)
token=$(cat "$(at "$home/told" token_file)")
for _ in $(seq 200); do
    curl -fsS -H "Authorization: Bearer $token" "$base/readyz" >/dev/null 2>&1 && break
    sleep 0.05
done
# Something to list.
curl -fsS -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"from_date":"2000-01-01"}' "$base/api/integrations/stripe/sync/discover" >/dev/null
cd "$home"
if "$venv/bin/schemathesis" --config-file "$HERE/schemathesis.toml" run "$base/openapi.json" \
    --header "Authorization: Bearer $token" --checks all --max-examples "${EXAMPLES:-60}" \
    --continue-on-failure --no-color; then
    echo "ok schemathesis: every answer is as the OpenAPI document says"
else
    echo "FAILED schemathesis: see above"
    exit 1
fi
kill -0 "$serve" 2>/dev/null && echo "ok serve still runs" || echo "FAILED serve has ended"
