# localstripe, a third-party stand-in for Stripe with gaps: no account, prices, disputes or invoice payments,
# no filters by creation time (invoices answer 500 to them), no `ending_before`, and its lists run from the
# oldest to the newest. connect has to name what is missing, and the rest has to come in.
set -euo pipefail
source "$HERE/lib.sh"
install_localstripe
venv=$WORK/localstripe
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tillwatch-localstripe.XXXXXX")
start_localstripe "$scratch/server.log"
trap 'kill "$LOCALSTRIPE_PID" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$scratch"' EXIT
base=http://127.0.0.1:$LOCALSTRIPE_PORT
key=sk_test_12345

"$venv/bin/python" "$HERE/localstripe.py" "$base" "$key" first >"$scratch/first.json"
echo "$key" >"$scratch/key"
mkdir "$scratch/home"
export HOME=$scratch/home XDG_CONFIG_HOME=$scratch/home/config XDG_DATA_HOME=$scratch/home/share
unset TILLWATCH_API_BASE

# tw NAME CODES ARGUMENT…: runs tillwatch; its output is in $scratch/NAME.out and .err.
tw() {
    local name=$1 codes=$2 code=0
    shift 2
    timeout 60 "$TILLWATCH" --data-dir "$scratch/data" --color never "$@" \
        >"$scratch/$name.out" 2>"$scratch/$name.err" </dev/null || code=$?
    if grep -q panicked "$scratch/$name.out" "$scratch/$name.err"; then
        echo "FAILED $name: panicked: $(grep -h -A1 panicked "$scratch/$name".* | tr '\n' ' ')"
    elif [[ " $codes " != *" $code "* ]]; then
        echo "FAILED $name: exit code $code: $(tail -n 2 "$scratch/$name.err" | tr '\n' ' ')"
    else
        echo "ok $name: tillwatch $* ends with $code"
    fi
}

# says NAME FILE TEXT…: every text is in the file.
says() {
    local name=$1 file=$scratch/$2 text
    shift 2
    for text; do
        if ! grep -qF -- "$text" "$file"; then
            echo "FAILED $name: no “$text” in: $(head -n 12 "$file" | tr '\n' '|')"
            return
        fi
    done
    echo "ok $name"
}

# counts NAME KIND LEAST: at least so many records of the kind are stored.
counts() {
    local rows
    rows=$(timeout 60 "$TILLWATCH" --data-dir "$scratch/data" records "$2" --json 2>/dev/null </dev/null | wc -l)
    if ((rows >= $3)); then echo "ok $1: $rows"; else echo "FAILED $1: $rows of at least $3"; fi
}

tw connect 0 connect --api-base "$base" --api-key-file "$scratch/key" --name peer --yes
for gap in 'account (/v1/account)' 'invoice payments (/v1/invoice_payments)' 'prices (/v1/prices)' \
    'disputes (/v1/disputes)'; do
    says "connect names the gap: $gap" connect.out "this server has no $gap"
done
says "connect finds what is there" connect.out '✓ events' '✓ customers' '✓ invoices' '✓ payment intents'

tw check '0 4' integrations check peer
says "integrations check names the gaps" check.out 'this server has no prices' 'this server has no disputes'

tw discover '0 4' discover
tw discover-days '0 4' discover --from 2020-01-01 --status paid,open
tw sync '0 4' sync
tw sync-lists '0 4' sync \
    --resources customers,products,payment_intents,charges,refunds,subscriptions,prices,disputes
tw customers 0 records customers
says "records customers shows them" customers.out 'Ada Lovelace' 'Grace Hopper' 'Zoë Ünal'
if grep -q $'\e' "$scratch/customers.out"; then
    echo "FAILED customers: an escape character of a customer's name reaches the terminal"
else
    echo "ok customers: no escape characters"
fi
counts "customers came in" customers 4
counts "products came in" products 1
counts "subscriptions came in" subscriptions 2
counts "invoices came in" invoices 2
counts "payments came in" payment_intents 4
counts "charges came in" charges 4
tw invoices 0 records invoices
tw get 0 get "$(grep -o 'cus_[A-Za-z0-9]*' "$scratch/first.json" | head -n 1)"
says "get prints what the server sent" get.out 'Ada Lovelace'

# Events: the list is there, without `ending_before`. What happens after connect has to come in all the same.
# A sync polls as it begins and ends.
tw status-before 0 status --json
"$venv/bin/python" "$HERE/localstripe.py" "$base" "$key" second >"$scratch/second.json"
tw sync-again '0 4' sync
tw status-after 0 status --json
"$venv/bin/python" "$HERE/localstripe.py" "$base" "$key" judge <"$scratch/status-after.out"
counts "customers of events came in" customers 7
tw customers-after 0 records customers
says "events bring their customers" customers-after.out 'Late 0' 'Late 1' 'Late 2'
tw status '0 4' status
tw status-check '0 4' status --check
