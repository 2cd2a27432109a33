# What the guides' commands mean to the tests: this program, this Python, a free port, and no other machine.
set -eu
sojourn() { "$PYTHON" -m sojourn "$@"; }
python3() { "$PYTHON" "$@"; }
curl() { "$PYTHON" -m tests.docs.curl "$@"; }
tox() { "$PYTHON" -m tests.docs.tox "$@"; }
serve() {
    "$PYTHON" -m sojourn serve >>server.log 2>&1 &
    echo $! >server.pid
    "$PYTHON" -m tests.docs.curl --wait localhost:8080/health/ready
}
