# Stripe's Node SDK against the sandbox.
set -euo pipefail
source "$HERE/lib.sh"
install_node_sdk
start_sandbox "$WORK/sdk-node.json" --limits none --invoices 700 --seed 5
cp "$HERE/sdk.mjs" "$WORK/node/sdk.mjs"
node "$WORK/node/sdk.mjs" "$WORK/sdk-node.json"
