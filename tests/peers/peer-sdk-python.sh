# Stripe's Python SDK against the sandbox.
set -euo pipefail
source "$HERE/lib.sh"
install_python_sdk
start_sandbox "$WORK/sdk-python.json" --limits none --invoices 700 --seed 5
"$WORK/venv/bin/python" "$HERE/sdk.py" "$WORK/sdk-python.json"
