"""One process that serves a number of requests and ends: `python served.py OPERATION NUMBER [--without PART]`.

It runs under cachegrind, on the tree that `PYTHONPATH` names, which may be an older one. So it imports `sojourn` and
nothing else of this repository. Requests come as bytes to the protocol class and leave as bytes: all that is missing of
a server is the socket. `--without head-judgement` takes every head for good, for the cost of judging heads.
`--steps` in its place prints how many steps (byte codes) the interpreter took for a request, without cachegrind.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from asyncio import Transport
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any

import jwt
import uvloop
from uvicorn.config import Config
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

API_KEY, SECRET = (f"instructions-{kind}-0123456789abcdef0123456789abcdef" for kind in ("key", "secret"))
TENANT, USER = "acme", "usr_1"
WARM_UP = 60
SESSIONS = 10
TO_END = 80

Next = Callable[[bytes], bytes]
"""The bytes of the next request, given those of the latest answer."""


class Wire(Transport):
    """A connection without a socket: what is written is kept until it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: asyncio.Future[bytes] | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """An answer, which leaves in one write."""
        if self.answered is not None:
            self.answered.set_result(bytes(data))

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def is_closing(self) -> bool:
        """The connection stays."""
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing to limit."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Likewise."""

    def close(self) -> None:
        """The run is over."""


class Connection:
    """A protocol of the service, asked one request after the other."""

    def __init__(self, protocol: Any) -> None:
        self._protocol, self._wire = protocol, Wire()
        protocol.connection_made(self._wire)

    async def ask(self, request: bytes) -> bytes:
        """The answer to a request. Raises RuntimeError for one that is refused."""
        self._wire.answered = asyncio.get_running_loop().create_future()
        self._protocol.data_received(request)
        answer = await self._wire.answered
        if answer[9:10] != b"2":
            raise RuntimeError(f"{request!r} was answered with {answer!r}")
        return answer


def _request(method: str, path: str, *, headers: dict[str, str], body: Any = None) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1:8080",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    content = b"" if body is None else json.dumps(body).encode()
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _document(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


_INTERNAL = {"X-API-Key": API_KEY, "X-Tenant-ID": TENANT}


def _create(user: str) -> bytes:
    facts = {"auth_user_id": user, "amr": ["pwd"], "ip": "192.0.2.1", "device_type": "desktop"}
    return _request("POST", "/internal/session/create", headers=_INTERNAL, body=facts)


def _refresh(token: str) -> bytes:
    return _request("POST", "/sessions/refresh", headers={}, body={"refresh_token": token})


async def _operation(name: str, connection: Connection) -> tuple[Next, bytes]:
    """What makes the requests of an operation, and the answer to begin with."""
    first = b""
    for _ in range(SESSIONS):
        first = await connection.ask(_create(USER))
    session = _document(first)["data"]["session"]
    asked = {"session_id": session["id"], "tenant_id": TENANT, "auth_user_id": USER}
    generate = _request("POST", "/internal/session/generate-tokens", headers=_INTERNAL, body=asked)
    pair = await connection.ask(generate)
    claims = {"sub": "root", "tenant_id": TENANT, "roles": ["admin"], "exp": int(time.time()) + 86_400}
    bearer = {"Authorization": "Bearer " + jwt.encode(claims, SECRET, algorithm="HS256")}
    path, access = f"/internal/session/sessions/{USER}", {"access_token": _document(pair)["access_token"]}
    same = {
        "active": _request("GET", f"{path}/active", headers=_INTERNAL),
        "list": _request("GET", f"{path}?page=1&page_size=10", headers=_INTERNAL),
        "stats": _request("GET", "/admin/sessions/stats", headers=bearer),
        "validate": _request("POST", "/internal/session/validate-token", headers=_INTERNAL, body=access),
        "create": _create("usr_2"),
    }
    if name == "revoke":
        return await _revoking(connection), pair
    if name == "refresh":
        return lambda answer: _refresh(_document(answer)["refresh_token"]), pair
    return lambda _: same[name], pair


def _end(session: str, token: str) -> bytes:
    return _request("DELETE", f"/sessions/{session}", headers={"Authorization": f"Bearer {token}"})


async def _revoking(connection: Connection) -> Next:
    """Users who end one session after the other, each with its own token; the sessions are made before."""
    made = [_document(await connection.ask(_create("usr_3")))["data"] for _ in range(TO_END)]
    following = iter([_end(one["session"]["id"], one["tokens"]["access_token"]) for one in made])
    return lambda _: next(following)


def _without(part: str) -> None:
    if part != "head-judgement":
        raise SystemExit(f"{part}: only head-judgement can be left out")
    from sojourn.serving import heads

    heads.fault = lambda *_, **__: None


async def started() -> Callable[[], Any]:
    """Start the service as the environment says; what makes a protocol of it."""
    from sojourn.app import create_app_from_env
    from sojourn.cli.serve import uvicorn_options
    from sojourn.serving import lifespan as serving
    from sojourn.settings import Settings

    serving.START_SECONDS = 600  # under cachegrind a database takes long to open

    config = Config(create_app_from_env, factory=True, **uvicorn_options(Settings.from_env(os.environ)))
    config.load()
    lifespan = LifespanOn(config)
    await lifespan.startup()
    if lifespan.should_exit:
        raise SystemExit("the service does not start")
    state = ServerState()
    return lambda: config.http_protocol_class(config=config, server_state=state, app_state=lifespan.state)


@contextmanager
def counted(number: int) -> Iterator[None]:
    """Print how many steps the interpreter takes inside, divided by `number`. What is done in C is one step."""
    steps = 0

    def step(_: FrameType, event: str, __: Any) -> Any:
        nonlocal steps
        steps += event == "opcode"
        return step

    def enter(frame: FrameType, _: str, __: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    sys.settrace(enter)
    yield
    sys.settrace(None)
    print(steps // number)


async def run(operation: str, number: int, *, steps: bool) -> None:
    """Start the service, warm every operation up, then serve so many requests of one."""
    connection = Connection((await started())())
    for name in ("active", "list", "stats", "validate", "create", "refresh", "revoke"):
        following, answer = await _operation(name, connection)
        for _ in range(WARM_UP):
            answer = await connection.ask(following(answer))
    following, answer = await _operation(operation, connection)
    with counted(number) if steps else nullcontext():
        for _ in range(number):
            answer = await connection.ask(following(answer))


def main(operation: str, number: str, *options: str) -> None:
    """One run on a database of its own."""
    if options[:1] == ("--without",):
        _without(options[1])
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "SOJOURN_DATABASE_URL": f"sqlite:///{folder}/served.db",
            "SOJOURN_INTERNAL_API_KEYS": API_KEY,
            "SOJOURN_JWT_SECRET": SECRET,
            "SOJOURN_RESPONSE_VALIDATION": "off",
            "SOJOURN_LOG_LEVEL": "error",
            "SOJOURN_REFRESH_LIMIT": "10000",
            "SOJOURN_KEY_FILE": f"{folder}/key",
        }
        logging.disable(logging.CRITICAL)
        uvloop.run(run(operation, int(number), steps="--steps" in options))
        sys.stdout.flush()
        os._exit(0)  # what a process does at its end is no part of a request


if __name__ == "__main__":
    main(*sys.argv[1:])
