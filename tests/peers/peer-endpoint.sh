# A webhook endpoint from connect to disconnect: ours makes it at the sandbox and takes what it is sent, two data folders
# at a time; Stripe's Python SDK looks at it from the other side, and checks what is forwarded of it.
set -euo pipefail
source "$HERE/lib.sh"
install_python_sdk
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tillwatch-endpoint.XXXXXX")
start_sandbox "$scratch/sandbox.json" --limits none --invoices 60 --seed 13 --webhook-retry 50
trap 'kill "$SANDBOX_PID" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$scratch"' EXIT
"$WORK/venv/bin/python" "$HERE/endpoint.py" "$scratch/sandbox.json" "$scratch/installs"
