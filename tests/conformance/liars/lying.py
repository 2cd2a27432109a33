"""How a liar lies: it stands between the judge and our application, and changes what goes by."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.conformance.serving import SECOND, admin_token

REGISTRY: list["Liar"] = []
PATIENCE = 1.0
"""Seconds that a liar waits for the next part of a body. The application waits longer: it is the one that refuses."""


@dataclass(slots=True)
class Answer:
    """An answer on its way out."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @document.setter
    def document(self, value: Any) -> None:
        self.body = json.dumps(value).encode()


@dataclass(slots=True)
class Exchange:
    """A request on its way in. `memory` is the liar's own, for as long as it lies."""

    app: Any
    scope: Any
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    memory: dict[str, Any]

    def header(self, name: str) -> str | None:
        """A header's first value."""
        return next((value for key, value in self.headers if key == name), None)

    def put(self, name: str, value: str | None) -> None:
        """Replace a header, or remove it."""
        self.headers = [pair for pair in self.headers if pair[0] != name] + (
            [(name, value)] if value is not None else []
        )

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def put_parameters(self, **changes: Any) -> None:
        """Replace parameters; None removes one."""
        merged = {**self.parameters, **changes}
        self.query = urlencode({name: value for name, value in merged.items() if value is not None})

    @property
    def document(self) -> Any:
        """The body as JSON, or an empty object."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return {}

    def put_document(self, value: Any) -> None:
        """Replace the body."""
        self.body = json.dumps(value).encode()
        self.put("content-length", str(len(self.body)))

    async def ask(self, method: str | None = None, path: str | None = None, **headers: str | None) -> Answer:
        """What our application answers, to this request or to another one."""
        sent = dict(self.headers)
        for name, value in headers.items():
            sent[name.replace("_", "-")] = value or ""
        body = self.body
        pairs = [(name, value) for name, value in self.headers if name not in sent or sent[name] == value]
        pairs += [(name, value) for name, value in sent.items() if (name, value) not in pairs and value]
        if path is not None:
            target, _, query = path.partition("?")
            pairs = [pair for pair in pairs if pair[0] not in ("content-length", "content-type", "transfer-encoding")]
            body = b""
        else:
            target, query = self.path, self.query
        scope = {
            **self.scope,
            "method": method or self.method,
            "path": target,
            "raw_path": target.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
        }
        return await _ask(self.app, scope, body)

    async def tell(self, method: str, path: str, document: Any) -> Answer:
        """Ask with a body."""
        other = Exchange(self.app, self.scope, method, path, "", list(self.headers), b"", self.memory)
        other.put_document(document)
        other.put("content-type", "application/json")
        return await other.ask()

    async def ask_as_twin(self) -> Answer:
        """The same request as the second tenant's administrator or service."""
        twin = f"Bearer {admin_token(SECOND)}" if self.header("authorization") else None
        named = SECOND if self.header("x-tenant-id") else None
        changes = {"authorization": twin, "x_tenant_id": named}
        return await self.ask(**{name: value for name, value in changes.items() if value})

    async def ask_the_one_before(self) -> None:
        """Ask the same of what the request before named."""
        before = self.memory.get("before", self.path)
        self.memory["before"] = self.path
        if before != self.path:
            await self.ask("POST", before)


async def _ask(app: Any, scope: Any, body: bytes) -> Answer:
    sent, answered = False, asyncio.Event()
    answer = Answer(0, {}, b"")

    async def receive() -> Any:
        nonlocal sent
        if sent:
            await answered.wait()
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")
            if not message.get("more_body"):
                answered.set()

    await app(scope, receive, send)
    return answer


Lie = Callable[[Exchange], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Liar:
    """A defect in a sentence, the check that must catch it, and how it is done.

    Of `options`, `about NAME` says that only the cases of that operation are run.
    """

    defect: str
    caught_by: str
    lie: Lie
    settings: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    frozen: bool = False


class LyingApp:
    """Our application behind a lie; without one it is truthful."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.lie: Lie | None = None
        self.memory: dict[str, Any] = {}

    def believe(self, lie: Lie | None) -> None:
        """Lie like this from now on."""
        self.lie, self.memory = lie, {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http" or self.lie is None:
            await self._app(scope, receive, send)
            return
        body, rest = await _body(receive)
        if rest is not None:
            await self._app(scope, rest, send)
            return
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"]]
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        exchange = Exchange(self._app, scope, scope["method"], path, query, headers, body, self.memory)
        answer = await self.lie(exchange)
        fields = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers.items()
            if name != "content-length"
        ]
        if answer.status not in (204, 304):
            fields.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": fields})
        await send({"type": "http.response.body", "body": answer.body})


async def _body(receive: Any) -> tuple[bytes, Any]:
    """The body, and nothing; or, where it does not come, what is left to be received: nothing is lied about then."""
    messages: list[Any] = []
    while not messages or messages[-1].get("more_body"):
        waiting = asyncio.ensure_future(receive())
        if not (await asyncio.wait({waiting}, timeout=PATIENCE))[0]:
            return b"", _replayed([*messages, waiting], receive)
        messages.append(waiting.result())
    return b"".join(message.get("body", b"") for message in messages), None


def _replayed(messages: list[Any], receive: Any) -> Any:
    async def again() -> Any:
        if not messages:
            return await receive()
        message = messages.pop(0)
        return await message if isinstance(message, asyncio.Future) else message

    return again


def whole(caught_by: str, defect: str, **more: Any) -> Callable[[Lie], Lie]:
    """A lie that does everything itself."""

    def register(lie: Lie) -> Lie:
        REGISTRY.append(Liar(defect, caught_by, lie, **more))
        return lie

    return register


def answers(caught_by: str, defect: str, path: str = "", **more: Any) -> Callable[[Any], Any]:
    """A lie that changes answers of paths that match: a function of the exchange and the answer."""

    def register(change: Any) -> Any:
        async def lie(exchange: Exchange) -> Answer:
            answer = await exchange.ask()
            if re.search(path, f"{exchange.method} {exchange.path}"):
                change(exchange, answer)
            return answer

        return whole(caught_by, defect, **more)(lie)

    return register


def documents(caught_by: str, defect: str, path: str = "", **more: Any) -> Callable[[Any], Any]:
    """A lie that changes the document of successful answers: a function of the exchange and the document."""

    def register(change: Any) -> Any:
        def lie(exchange: Exchange, answer: Answer) -> None:
            document = answer.document
            if answer.status < 300 and isinstance(document, dict):
                changed = change(exchange, document)
                answer.document = document if changed is None else changed

        return answers(caught_by, defect, path, **more)(lie)

    return register


def problems(caught_by: str, defect: str, path: str = "", **more: Any) -> Callable[[Any], Any]:
    """A lie that changes the problem documents."""

    def register(change: Any) -> Any:
        def lie(exchange: Exchange, answer: Answer) -> None:
            document = answer.document
            if answer.status >= 400 and isinstance(document, dict):
                changed = change(exchange, document)
                answer.document = document if changed is None else changed

        return answers(caught_by, defect, path, **more)(lie)

    return register


def requests(caught_by: str, defect: str, path: str = "", **more: Any) -> Callable[[Any], Any]:
    """A lie that changes requests of paths that match before they are served."""

    def register(change: Any) -> Any:
        async def lie(exchange: Exchange) -> Answer:
            if re.search(path, f"{exchange.method} {exchange.path}"):
                change(exchange)
            return await exchange.ask()

        return whole(caught_by, defect, **more)(lie)

    return register


def rescued(caught_by: str, defect: str, path: str, *statuses: int, **more: Any) -> Callable[[Any], Any]:
    """A lie about what was refused: an async function of the exchange that gives another answer."""

    def register(rescue: Any) -> Any:
        async def lie(exchange: Exchange) -> Answer:
            answer = await exchange.ask()
            if answer.status in statuses and re.search(path, f"{exchange.method} {exchange.path}"):
                other: Answer = await rescue(exchange, answer)
                return other
            return answer

        return whole(caught_by, defect, **more)(lie)

    return register
