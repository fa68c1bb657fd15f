# Stripe's Python SDK against the sandbox.
set -euo pipefail
source "$HERE/lib.sh"
if [[ ! -x $WORK/venv/bin/python ]]; then
    python3 -m venv "$WORK/venv"
    "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check 'stripe>=15'
fi
start_sandbox "$WORK/sdk-python.json" --limits none --invoices 700 --seed 5
"$WORK/venv/bin/python" "$HERE/sdk.py" "$WORK/sdk-python.json"
