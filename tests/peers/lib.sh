# Sourced by the peers: starts a sandbox and stops it again, and installs what several of them need.

# start_sandbox FILE OPTION…: its line of JSON goes to FILE, its process id to SANDBOX_PID.
start_sandbox() {
    local file=$1
    shift
    : >"$file"
    "$TILLWATCH" sandbox "$@" >"$file" &
    SANDBOX_PID=$!
    trap 'kill "$SANDBOX_PID" 2>/dev/null; wait "$SANDBOX_PID" 2>/dev/null' EXIT
    for _ in $(seq 200); do
        [[ -s $file ]] && return 0
        kill -0 "$SANDBOX_PID" 2>/dev/null || break
        sleep 0.05
    done
    echo "FAILED start: the sandbox printed no address"
    exit 1
}

# Stripe's Python SDK, in a virtual environment of its own.
install_python_sdk() {
    if [[ ! -x $WORK/venv/bin/python ]]; then
        python3 -m venv "$WORK/venv"
        "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check 'stripe>=15'
    fi
}

# Stripe's Node SDK, in $WORK/node: scripts that use it have to stand there.
install_node_sdk() {
    if [[ ! -d $WORK/node/node_modules/stripe ]]; then
        mkdir -p "$WORK/node"
        echo '{"private":true}' >"$WORK/node/package.json"
        npm install --prefix "$WORK/node" --silent --no-audit --no-fund stripe
    fi
}

# The official Stripe CLI; its path is in STRIPE_CLI.
install_stripe_cli() {
    STRIPE_CLI=$WORK/cli/node_modules/@stripe/cli-linux-x64/bin/stripe
    if [[ ! -x $STRIPE_CLI ]]; then
        mkdir -p "$WORK/cli"
        echo '{"private":true}' >"$WORK/cli/package.json"
        npm install --prefix "$WORK/cli" --silent --no-audit --no-fund @stripe/cli-linux-x64
    fi
}

# localstripe, in a virtual environment of its own.
install_localstripe() {
    if [[ ! -x $WORK/localstripe/bin/python ]]; then
        python3 -m venv "$WORK/localstripe"
        "$WORK/localstripe/bin/pip" install --quiet --disable-pip-version-check 'localstripe>=1.15.10,<2'
    fi
}

# start_localstripe LOG: its port goes to LOCALSTRIPE_PORT, its process id to LOCALSTRIPE_PID.
start_localstripe() {
    LOCALSTRIPE_PORT=$(python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
    "$WORK/localstripe/bin/python" -m localstripe --from-scratch --port "$LOCALSTRIPE_PORT" >"$1" 2>&1 &
    LOCALSTRIPE_PID=$!
    trap 'kill "$LOCALSTRIPE_PID" 2>/dev/null; wait "$LOCALSTRIPE_PID" 2>/dev/null' EXIT
    for _ in $(seq 200); do
        (exec 3<>"/dev/tcp/127.0.0.1/$LOCALSTRIPE_PORT") 2>/dev/null && return 0
        kill -0 "$LOCALSTRIPE_PID" 2>/dev/null || break
        sleep 0.05
    done
    echo "FAILED start: localstripe does not listen: $(tail -n 3 "$1" | tr '\n' ' ')"
    exit 1
}
