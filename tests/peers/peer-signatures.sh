# What Stripe's Node and Python SDKs sign, posted to our receiver: taken and stored, or refused as they would refuse it;
# secrets rolled by hand, and exchanged by us while deliveries come.
set -euo pipefail
source "$HERE/lib.sh"
install_python_sdk
install_node_sdk
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tillwatch-signatures.XXXXXX")
start_sandbox "$scratch/sandbox.json" --limits none --invoices 60 --seed 17 --webhook-retry 50
trap 'kill "$SANDBOX_PID" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$scratch"' EXIT
cp "$HERE/sign.mjs" "$WORK/node/sign.mjs"
"$WORK/venv/bin/python" "$HERE/signatures.py" "$scratch/sandbox.json" "$scratch/installs" "$WORK/node/sign.mjs"
