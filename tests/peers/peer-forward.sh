# The official Stripe CLI (npm) and ours side by side: both listen to one sandbox whose sockets are reset every few
# seconds, and forward to a receiver each, which goes away for 20 s in the middle. Signatures are checked with Stripe's
# Python SDK. Ours must deliver every event; what the Stripe CLI delivers is printed beside it.
# Linux on x86-64 only: that is the package there is. Takes about two minutes.
#
#   EVENTS   how many (1000)
set -euo pipefail
source "$HERE/lib.sh"
install_stripe_cli
install_python_sdk
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tillwatch-forward.XXXXXX")
start_sandbox "$scratch/sandbox.json" --limits none --invoices 300 --seed 5 --relay-reset 5
trap 'kill "$SANDBOX_PID" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$scratch"' EXIT
"$WORK/venv/bin/python" "$HERE/forward.py" "$scratch" "$STRIPE_CLI" "$TILLWATCH" "${EVENTS:-1000}"
