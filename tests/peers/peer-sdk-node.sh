# Stripe's Node SDK against the sandbox.
set -euo pipefail
source "$HERE/lib.sh"
if [[ ! -d $WORK/node/node_modules/stripe ]]; then
    mkdir -p "$WORK/node"
    echo '{"private":true}' >"$WORK/node/package.json"
    npm install --prefix "$WORK/node" --silent --no-audit --no-fund stripe
fi
start_sandbox "$WORK/sdk-node.json" --limits none --invoices 700 --seed 5
cp "$HERE/sdk.mjs" "$WORK/node/sdk.mjs"
node "$WORK/node/sdk.mjs" "$WORK/sdk-node.json"
