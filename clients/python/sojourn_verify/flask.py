"""Flask: a decorator for views. `@signed_in(verifier)`, and then `g.sojourn` is the caller's session."""

# mypy: disable-error-code="import-not-found"

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from flask import Response, g, request

from sojourn_verify.bearer import Reply, check
from sojourn_verify.verifier import Verifier


def signed_in(verifier: Verifier, *, roles: Collection[str] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for views: 401 with a challenge without a good token, 503 when nothing can be said.

    With `roles`, a session that has none of them is 403.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def served(*arguments: Any, **named: Any) -> Any:
            found = check(verifier, request.headers.get("Authorization"), roles=roles)
            if isinstance(found, Reply):
                return Response(found.body, found.status, dict(found.headers))
            g.sojourn = found
            return view(*arguments, **named)

        return served

    return decorate
