# What localstripe (PyPI) delivers, taken by our receiver: registered by its own POST /_config/webhooks, with a secret
# that we were given by hand. It signs and writes its deliveries in a way of its own, and sends each only once.
set -euo pipefail
source "$HERE/lib.sh"
install_localstripe
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tillwatch-hooks.XXXXXX")
start_localstripe "$scratch/server.log"
trap 'kill "$LOCALSTRIPE_PID" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$scratch"' EXIT
python3 "$HERE/localstripe-webhooks.py" "http://127.0.0.1:$LOCALSTRIPE_PORT" "$scratch"
