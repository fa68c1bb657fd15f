# Schemathesis (PyPI) against `tillwatch serve` and its own OpenAPI document: with one account that has records, events
# and a webhook endpoint, then with two, of which a request has to name one.
#
#   EXAMPLES   requests of a kind (60)
#   SEED       to repeat a run: the one that it printed
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
at "$WORK/schemathesis.json" live_restricted_key >"$home/live"
sandbox=$(at "$WORK/schemathesis.json" base_url)
tw() { "$TILLWATCH" --data-dir "$home/data" --api-base "$sandbox" --quiet "$@" >/dev/null; }
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

# Something to list: invoices of the whole history and records of every kind, and events, which are delivered.
tw connect --api-key-file "$home/key" --webhook endpoint --public-url "$(at "$home/told" webhooks)" --events all
tw discover --from 2020-01-01
tw sync
tw sync --resources customers,products,prices,subscriptions,payment_intents,charges,refunds,disputes
curl -fsS -d '{"steps":20}' "$sandbox/_sandbox/traffic" >/dev/null
for _ in $(seq 200); do
    events=$(curl -fsS -H "Authorization: Bearer $token" "$base/api/events?limit=200" | grep -o '"source":"endpoint"' | wc -l)
    ((events > 20)) && break
    sleep 0.05
done
for list in integrations events records/invoices records/invoices?catalog=1 records/customers records/prices \
    records/products records/subscriptions records/payment_intents records/charges records/refunds; do
    page=$(curl -fsS -H "Authorization: Bearer $token" "$base/api/$list")
    [[ $page == '{"data":[{'* ]] || { echo "FAILED data: nothing in $list: ${page:0:200}"; exit 1; }
done
echo "ok data: every list has rows, $events events came by the endpoint"

cd "$home"
# round NAME CONFIG: asks it everything.
round() {
    if "$venv/bin/schemathesis" --config-file "$2" run "$base/openapi.json" \
        --header "Authorization: Bearer $token" --checks all --max-examples "${EXAMPLES:-60}" \
        ${SEED:+--seed "$SEED"} --continue-on-failure --no-color; then
        echo "ok $1: every answer is as the OpenAPI document says"
    else
        echo "FAILED $1: see above"
    fi
}
round "one account" "$HERE/schemathesis.toml"
tw connect --api-key-file "$home/live" --name "Live / Ünal" --yes
tw discover --integration "Live / Ünal" --from 2020-01-01
# Which account is meant cannot be told any more: the document cannot say that then one has to be named.
sed 's/404, 409]/404, 409, 422]/' "$HERE/schemathesis.toml" >two.toml
round "two accounts" two.toml
kill -0 "$serve" 2>/dev/null && echo "ok serve still runs" || echo "FAILED serve has ended"
kill "$serve"
wait "$serve" && echo "ok serve ends well" || echo "FAILED serve ended with $?"
