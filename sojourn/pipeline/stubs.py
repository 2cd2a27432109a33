"""Stand-ins: handlers that answer from the contract's examples, for operations that nobody has written yet.

`sojourn dev` uses them, so that a new operation can be seen and called before there is any Python of it. They take
the arguments that the contract gives, like every handler, so requests are checked as they will be.
"""

import inspect
import json
from functools import cached_property
from typing import Any

from sojourn.handlers.answers import Answer
from sojourn.handlers.context import Context
from sojourn.openapi.document import Operation, examples, operations
from sojourn.pipeline.negotiation import JSON
from sojourn.pipeline.parameters import argument_of
from sojourn.pipeline.plans import TAKEN, TENANT, Handler


class Stubs:
    """The stand-ins of one contract. `chosen` tells which operations have one, and why."""

    def __init__(self, contract: dict[str, Any]) -> None:
        self._contract = contract
        self.chosen: dict[str, str] = {}

    def choose(self, operation_id: str, written: Handler | None) -> Handler:
        """The handler that was written, when it takes what the contract gives; else one that answers an example."""
        operation = self._operations[operation_id]
        signature = _signature(operation)
        if written is None:
            self.chosen[operation_id] = "it has no handler yet"
        elif (takes := set(inspect.signature(written).parameters)) != set(signature.parameters):
            gives = ", ".join(signature.parameters)
            self.chosen[operation_id] = f"its handler takes {', '.join(sorted(takes))}, the contract gives {gives}"
        else:
            return written
        return _stand_in(operation, signature)

    @cached_property
    def _operations(self) -> dict[str, Operation]:
        return {operation.id: operation for operation in operations(self._contract, Operation)}


def _stand_in(operation: Operation, signature: inspect.Signature) -> Handler:
    content = operation.responses[operation.success].get("content", {})

    async def stand_in(ctx: Context, **arguments: Any) -> Any:
        if not content:
            return None
        value = next(iter(examples(content[ctx.media_type])), None)
        if ctx.media_type == JSON and isinstance(value, dict):
            return value
        return Answer((value if isinstance(value, str) else json.dumps(value)).encode())

    vars(stand_in).update(__signature__=signature, is_example=True, commits_itself=True)
    return stand_in


def _signature(operation: Operation) -> inspect.Signature:
    """What a handler of the operation has to take: what the contract gives, less what the pipeline takes."""
    given = {argument_of(parameter["name"]): parameter.get("required", False) for parameter in operation.parameters}
    names = ["ctx", *(name for name in given if name not in TAKEN or (name == TENANT and not given[name]))]
    names += ["body"] if "requestBody" in operation.definition else []
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature([inspect.Parameter(name, kind) for name in names])
