"""Retries of requests that change something (Idempotency-Key): one effect, and the first answer again.

The answer is kept in the transaction of the effect, so a server that dies leaves both or neither. Requests with one key
wait for each other. Only answers of success are kept: a refusal has no effect, and its retry is judged anew.
"""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import orjson

from sojourn.domain.clock import to_text
from sojourn.domain.errors import IdempotencyKeyReused
from sojourn.domain.values import Caller
from sojourn.pipeline.responses import to_json
from sojourn.storage.queries import kept_answers
from sojourn.storage.unit_of_work import UnitOfWork

ARGUMENT = "idempotency_key"
"""The argument that the pipeline itself takes: no handler needs to know whether it is asked again."""
KEPT = timedelta(hours=24)
_USER = ("auth_user_id", "user_id")
_DIGEST_BYTES = 32


class Sealer(Protocol):
    """Encrypts what is kept: an answer may hold tokens and keys."""

    def seal(self, name: str, plain: bytes) -> str: ...

    def unseal(self, name: str, sealed: str) -> bytes | None: ...


class Again(NamedTuple):
    """The view of an earlier answer: this time nothing was done."""

    view: Any


class Asked(NamedTuple):
    """A request with a key. `id` is a hash of the caller and the key, `digest` one of what is asked for.

    `user_id` is the user whom it concerns, None where it concerns none.
    """

    id: str
    digest: bytes
    user_id: str | None

    @classmethod
    def of(cls, operation_id: str, arguments: Mapping[str, Any], *, caller: Caller, key: str) -> "Asked":
        """The request of a caller; `arguments` are those of the handler."""
        body = arguments.get("body")
        said = {**(body if isinstance(body, Mapping) else {}), **arguments}
        own = caller.id if caller.kind == "user" else None
        return cls(
            hashlib.sha256("\0".join((caller.kind, caller.id, key)).encode("utf-8", "surrogatepass")).hexdigest(),
            hashlib.sha256(json.dumps([operation_id, arguments], sort_keys=True).encode()).digest(),
            next((said[name] for name in _USER if isinstance(said.get(name), str)), own),
        )


async def answer_once(
    unit: UnitOfWork, asked: Asked, *, do: Callable[[], Awaitable[Any]], now: datetime, sealer: Sealer
) -> Any:
    """What `do` returns, which is kept with what it writes; `Again` with what it returned before, if it did.

    Raises IdempotencyKeyReused when the key came with another request, or when its answer cannot be read any more
    because the secret was replaced; and whatever `do` raises.
    """
    name = f"answer {unit.tenant.id} {asked.id}"
    await kept_answers.wait_for(unit, asked.id)
    sealed = await kept_answers.find(unit, asked.id, now=to_text(now))
    if sealed is not None:
        plain = sealer.unseal(name, sealed)
        if plain is None or not hmac.compare_digest(plain[:_DIGEST_BYTES], asked.digest):
            raise IdempotencyKeyReused()
        return Again(orjson.loads(plain[_DIGEST_BYTES:]))
    view = await do()
    sealed = sealer.seal(name, asked.digest + to_json(view))
    await kept_answers.keep(unit, asked.id, sealed=sealed, user_id=asked.user_id, until=to_text(now + KEPT))
    return view
