# The official Stripe CLI (npm) listens to the sandbox's relay and forwards to a receiver that checks signatures
# with Stripe's Python SDK; resends an event; and comes back after its socket is closed or its session is forgotten.
# Linux on x86-64 only: that is the package there is.
set -euo pipefail
source "$HERE/lib.sh"
install_stripe_cli
install_python_sdk
cli=$STRIPE_CLI

scratch=$(mktemp -d "${TMPDIR:-/tmp}/tillwatch-cli.XXXXXX")
# No planned resets: the checks below end its sockets themselves.
start_sandbox "$scratch/sandbox.json" --limits none --invoices 300 --seed 5 --relay-reset 3600
listen='' receiver=''
trap 'kill $listen $receiver "$SANDBOX_PID" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$scratch"' EXIT

# field FILE NAME: a member of the JSON in a file, `a.b` for one inside another.
field() {
    python3 -c 'import functools, json, sys
print(functools.reduce(lambda value, name: value[name], sys.argv[2].split("."), json.load(open(sys.argv[1]))))' "$@"
}
base=$(field "$scratch/sandbox.json" base_url)
# Never a real one: the CLI would take a key from here first, and its own configuration from HOME.
unset STRIPE_API_KEY STRIPE_DEVICE_NAME STRIPE_PROJECT_NAME XDG_CONFIG_HOME
export HOME=$scratch/home STRIPE_CLI_TELEMETRY_OPTOUT=1
mkdir "$HOME"
key=$(field "$scratch/sandbox.json" restricted_key)
stripe() { timeout 60 "$cli" "$@" --api-key "$key" --api-base "$base"; }
control() { curl --silent --fail "$base/_sandbox/$1" ${2:+--data "$2"}; }

# reaches NAME FIELD LEAST: the sandbox's report gets there within 40 s.
reaches() {
    local have=''
    for _ in $(seq 400); do
        control report >"$scratch/report.json"
        have=$(field "$scratch/report.json" "$2")
        ((have >= $3)) && { echo "ok $1: $have"; return 0; }
        sleep 0.1
    done
    echo "FAILED $1: $have of at least $3"
}

# forwarded NAME: the receiver has every event that was made since it listened, and nothing else.
forwarded() {
    local made have=''
    control report >"$scratch/report.json"
    made=$(field "$scratch/report.json" events)
    for _ in $(seq 200); do
        curl --silent "$target" >"$scratch/came.json"
        have=$(field "$scratch/came.json" events)
        ((have >= made)) && break
        sleep 0.1
    done
    if [[ $have == "$made" && $(field "$scratch/came.json" refused) == 0 ]]; then
        echo "ok $1: the Stripe CLI forwarded $have of $made events"
    else
        echo "FAILED $1: $have of $made events, $(field "$scratch/came.json" refused) with a bad signature"
    fi
}

secret=$(stripe listen --print-secret)
[[ $secret == whsec_* ]] && echo "ok print-secret" || echo "FAILED print-secret: $secret"
"$WORK/venv/bin/python" "$HERE/receiver.py" "$scratch/receiver" "$secret" &
receiver=$!
for _ in $(seq 200); do [[ -s $scratch/receiver ]] && break; sleep 0.05; done
target=$(cat "$scratch/receiver")

"$cli" listen --api-key "$key" --api-base "$base" --skip-update --all-snapshot --forward-to "$target" \
    >"$scratch/listen.log" 2>&1 &
listen=$!
reaches "listen opens a socket" relay.opened 1
control traffic '{"steps":60}' >/dev/null
forwarded "events are forwarded"
control report >"$scratch/report.json"
frames=$(field "$scratch/report.json" relay.frames)
reaches "both versions of each event are acknowledged" relay.acks "$frames"
reaches "its answers are told" relay.responses "$(field "$scratch/report.json" events)"

before=$(field "$scratch/came.json" requests)
event=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["ids"][0])' "$scratch/came.json")
stripe events resend "$event" >"$scratch/resent.json" 2>&1 || true
if [[ $(field "$scratch/resent.json" id 2>/dev/null) == "$event" ]]; then
    echo "ok events resend"
else
    echo "FAILED events resend: $(head -n 3 "$scratch/resent.json" | tr '\n' ' ')"
fi
for _ in $(seq 100); do
    curl --silent "$target" >"$scratch/came.json"
    (($(field "$scratch/came.json" requests) > before)) && break
    sleep 0.1
done
again=$(($(field "$scratch/came.json" requests) - before))
((again == 1)) && echo "ok a resent event arrives once more" || echo "FAILED resend: it came $again times"

opened=$(control report | python3 -c 'import json, sys; print(json.load(sys.stdin)["relay"]["opened"])')
control relay '{"close":1012}' >/dev/null
reaches "it comes back after its socket is closed" relay.opened $((opened + 1))
control traffic '{"steps":20}' >/dev/null
forwarded "events are forwarded after a reconnect"
sessions=$(field "$scratch/report.json" relay.sessions)
control relay '{"forget":true}' >/dev/null
reaches "it makes a new session when its own is forgotten" relay.sessions $((sessions + 1))
reaches "and opens a socket on it" relay.opened $((opened + 2))
control traffic '{"steps":20}' >/dev/null
forwarded "events are forwarded in the new session"

# What it says of a key that may not.
control permissions "{\"key\":\"$key\",\"deny\":[\"rak_stripecli_session_write\"]}" >/dev/null
stripe listen --print-secret >"$scratch/denied.log" 2>&1 && code=0 || code=$?
if [[ $code -ne 0 ]] && grep -q "Having the 'rak_stripecli_session_write' permission" "$scratch/denied.log"; then
    echo "ok a key without the permission is refused"
else
    echo "FAILED a key without the permission: exit $code: $(head -c 300 "$scratch/denied.log")"
fi
