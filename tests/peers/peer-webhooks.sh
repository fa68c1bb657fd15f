# Webhook endpoints of the sandbox through Stripe's Python SDK: made, changed, listed, removed, and what they are sent.
set -euo pipefail
source "$HERE/lib.sh"
install_python_sdk
start_sandbox "$WORK/webhooks.json" --limits none --invoices 60 --seed 11 --webhook-retry 50 --webhook-disable-after 3
"$WORK/venv/bin/python" "$HERE/webhooks.py" "$WORK/webhooks.json"
