# Sourced by the peers: starts a sandbox and stops it again.

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
