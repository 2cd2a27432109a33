"""Stand-ins: handlers that answer from the contract's examples, for operations that nobody has written yet.

`sojourn dev` uses them, so that a new operation can be seen and called before there is any Python of it. They take
the arguments that the contract gives, like every handler, so requests are checked as they will be.
"""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from handlers.answers import Answer
from handlers.context import Context
from sojourn.pipeline.negotiation import JSON
from sojourn.pipeline.plans import Handler

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


class StandIns:
    """The stand-ins of one contract. `chosen` tells which operations have one, and why."""

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._contract = contract
        self.chosen: dict[str, str] = {}

    def choose(self, operation_id: str, written: Handler | None) -> Handler:
        """The handler that was written, when it takes what the contract gives; else one that answers an example."""
        item, operation = self._operation(operation_id)
        signature = self._signature(item, operation)
        if written is None:
            self.chosen[operation_id] = "it has no handler yet"
        elif (takes := set(inspect.signature(written).parameters)) != set(signature.parameters):
            gives = ", ".join(signature.parameters)
            self.chosen[operation_id] = f"its handler takes {', '.join(sorted(takes))}, the contract gives {gives}"
        else:
            return written
        return self._stand_in(operation, signature)

    def _stand_in(self, operation: Mapping[str, Any], signature: inspect.Signature) -> Handler:
        answer = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        content = self._resolve(answer).get("content", {})

        async def stand_in(ctx: Context, **arguments: Any) -> Any:
            if not content:
                return None
            value = self._example(content[ctx.media_type])
            if ctx.media_type == JSON and isinstance(value, dict):
                return value
            return Answer((value if isinstance(value, str) else json.dumps(value)).encode())

        vars(stand_in).update(__signature__=signature, is_example=True, commits_itself=True)
        return stand_in

    def _example(self, content: Mapping[str, Any]) -> Any:
        for example in content.get("examples", {}).values():
            return self._resolve(example)["value"]
        return content.get("example")

    def _operation(self, operation_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The operation of an id, and its path item."""
        return next(
            (item, operation)
            for item in self._contract["paths"].values()
            for method, operation in item.items()
            if method in _METHODS and operation["operationId"] == operation_id
        )

    def _signature(self, item: Mapping[str, Any], operation: Mapping[str, Any]) -> inspect.Signature:
        """What a handler of the operation has to take: the tenant is in `ctx`."""
        parameters = map(self._resolve, [*item.get("parameters", ()), *operation.get("parameters", ())])
        names = ["ctx", *(parameter["name"].lower().replace("-", "_") for parameter in parameters)]
        names += ["body"] if "requestBody" in operation else []
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Signature([inspect.Parameter(name, kind) for name in names if name != "x_tenant_id"])

    def _resolve(self, value: Any) -> Any:
        while "$ref" in value:
            target: Any = self._contract
            for step in value["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            value = target
        return value
