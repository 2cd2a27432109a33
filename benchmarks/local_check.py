"""A check that a verifier makes locally, in Python and in Node, beside one that the service makes.

`python -m benchmarks.local_check` starts one worker, asks it for active checks and validations, verifies the same token
again and again with `sojourn_verify` and `@sojourn/verify` (build it first), and new tokens once each. Beside them is
better-auth's cookie cache (install `benchmarks/peers/node` first). Counted is what each uses of the processor: it
varies less than time on a machine that does something else as well.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.callers import JWT_SECRET
from benchmarks.machine import describe_machine, load_average
from benchmarks.processes import cpu_seconds
from tests.live import API_KEY, LiveServer

ROOT = Path(__file__).parents[1]
DIST = ROOT / "clients/typescript/dist/index.js"
PEERS = ROOT / "benchmarks/peers/node"
HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"}
ACTIVE = "the service, active check"
NODE = """
import { Verifier } from "DIST";
const [url, apiKey, count, ...tokens] = process.argv.slice(1);
const verifier = new Verifier({ url, apiKey });
await verifier.verify(tokens[0]);
async function used(times, check) {
  const begun = process.cpuUsage();
  for (let number = 0; number < times; number++) await check(number);
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / times;
}
const anew = await used(tokens.length - 1, (number) => verifier.verify(tokens[number + 1]));
await used(count / 5, () => verifier.verify(tokens[0]));
console.log(JSON.stringify([await used(Number(count), () => verifier.verify(tokens[0])), anew]));
await verifier.close();
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=500_000, help="so often the same token is verified")
    parser.add_argument("--requests", type=int, default=3_000, help="so many checks the service makes")
    parser.add_argument("--tokens", type=int, default=300, help="so many tokens are verified for the first time")
    given = parser.parse_args()
    print(f"{describe_machine()}, load {load_average():.1f}")
    print(table(measure(given.checks, given.requests, given.tokens)))


def measure(checks: int = 500_000, requests: int = 3_000, tokens: int = 300) -> dict[str, float]:
    """Microseconds of the processor that one check takes, by who makes it."""
    sys.path.insert(0, str(ROOT / "clients/python"))
    with tempfile.TemporaryDirectory() as folder:
        server = LiveServer(Path(folder), SOJOURN_RESPONSE_VALIDATION="off", SOJOURN_LOG_LEVEL="warning")
        try:
            return _measured(server, checks, requests, tokens)
        finally:
            server.stop()


def _measured(server: LiveServer, checks: int, requests: int, count: int) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    tokens = [new_session(connection, f"user_{number}")[1] for number in range(count)]
    active, body = "/internal/session/sessions/user_0/active", json.dumps({"access_token": tokens[0]})
    validate = "/internal/session/validate-token"
    asked = _remote(server, requests, lambda: _ask(connection, "GET", active))
    validated = _remote(server, requests, lambda: _ask(connection, "POST", validate, body))
    python_seen, python_anew = _python(server, tokens, checks)
    node_seen, node_anew = _node(server, tokens, checks)
    cached, cookie = better_auth_cookie_cache(requests)
    return {
        ACTIVE: asked,
        "the service, validate-token": validated,
        "local check in Python, a token seen before": python_seen,
        "local check in Python, the first time": python_anew,
        "local check in Node, a token seen before": node_seen,
        "local check in Node, the first time": node_anew,
        "better-auth's cookie cache, `auth.api.getSession`": cached,
        "better-auth's cookie cache, `getCookieCache`": cookie,
    }


def table(measured: dict[str, float]) -> str:
    """What was measured, in Markdown."""
    whole = measured[ACTIVE]
    lines = ["| check | µs of the processor | in the time of one active check |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {used:.2f} | {whole / used:.1f} |" for name, used in measured.items()]
    return "\n".join(lines)


def _remote(server: LiveServer, requests: int, ask: Callable[[], Any]) -> float:
    for _ in range(requests // 10):
        ask()
    before = cpu_seconds(server.process.pid)
    for _ in range(requests):
        ask()
    return (cpu_seconds(server.process.pid) - before) / requests * 1e6


def _python(server: LiveServer, tokens: list[str], checks: int) -> tuple[float, float]:
    from sojourn_verify import Verifier

    with Verifier(server.url, API_KEY) as verifier:
        verifier.verify(tokens[0])
        begun = time.process_time()
        for token in tokens[1:]:
            verifier.verify(token)
        anew = (time.process_time() - begun) / (len(tokens) - 1)
        verify, token = verifier.verify, tokens[0]
        begun = time.process_time()
        for _ in range(checks):
            verify(token)
        return (time.process_time() - begun) / checks * 1e6, anew * 1e6


def _node(server: LiveServer, tokens: list[str], checks: int) -> tuple[float, float]:
    program = NODE.replace("DIST", str(DIST))
    command = ["node", "--input-type=module", "--eval", program, server.url, API_KEY, str(checks), *tokens]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    seen, anew = json.loads(done.stdout)
    return seen, anew


def is_better_auth_there() -> bool:
    """Whether the peers on Node are installed."""
    return (PEERS / "node_modules/better-auth").exists()


def better_auth_cookie_cache(checks: int) -> tuple[float, float]:
    """Microseconds of the processor that better-auth takes to read a session from its cookie, in its two ways."""
    surroundings = {"BENCHMARK_DATABASE": ":memory:", "BENCHMARK_JWT_SECRET": JWT_SECRET, "BENCHMARK_PORT": "1"}
    command = ["node", "better_auth_cookie_cache.js", str(checks)]
    done = subprocess.run(command, cwd=PEERS, env=os.environ | surroundings, capture_output=True, text=True, check=True)
    cached, cookie = json.loads(done.stdout)
    return cached, cookie


def new_session(connection: http.client.HTTPConnection, user: str) -> tuple[str, str]:
    """The id of a new session, and its access token."""
    created = _ask(connection, "POST", "/internal/session/create", json.dumps({"auth_user_id": user}))
    session: str = created["data"]["session"]["id"]
    wanted = {"session_id": session, "tenant_id": "acme", "auth_user_id": user}
    return session, _ask(connection, "POST", "/internal/session/generate-tokens", json.dumps(wanted))["access_token"]


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None) -> Any:
    connection.request(method, path, body, HEADERS)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
    return json.loads(text)


if __name__ == "__main__":
    main()
