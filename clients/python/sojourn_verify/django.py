"""Django: a middleware that reads the token, a decorator for views that require one.

In the settings, `SOJOURN_VERIFIER` is a `Verifier`, and `MIDDLEWARE` has `sojourn_verify.django.BearerMiddleware`. Then
`request.sojourn` is the session of the request, None without a token; `@signed_in()` requires one.
"""

# mypy: disable-error-code="import-untyped, import-not-found, untyped-decorator"

from collections.abc import Callable, Collection
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from sojourn_verify.bearer import Reply, acheck, check
from sojourn_verify.outcomes import Session


@sync_and_async_middleware
def BearerMiddleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:  # noqa: N802 - a class to its users
    """Sets `request.sojourn`. A token that is not accepted is 401; 503 when nothing can be said."""
    if iscoroutinefunction(get_response):

        async def served_async(request: HttpRequest) -> Any:
            header = request.headers.get("Authorization")
            found = None if header is None else await acheck(settings.SOJOURN_VERIFIER, header)
            return _respond(found) if isinstance(found, Reply) else await get_response(_with(request, found))

        return served_async

    def served(request: HttpRequest) -> Any:
        header = request.headers.get("Authorization")
        found = None if header is None else check(settings.SOJOURN_VERIFIER, header)
        return _respond(found) if isinstance(found, Reply) else get_response(_with(request, found))

    return served


def signed_in(*, roles: Collection[str] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for views: 401 without a session, 403 where `roles` are given and the session has none of them."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        if iscoroutinefunction(view):

            @wraps(view)
            async def served_async(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
                header = request.headers.get("Authorization")
                found = await acheck(settings.SOJOURN_VERIFIER, header, roles=roles)
                return (
                    _respond(found)
                    if isinstance(found, Reply)
                    else await view(_with(request, found), *arguments, **named)
                )

            return served_async

        @wraps(view)
        def served(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
            found = check(settings.SOJOURN_VERIFIER, request.headers.get("Authorization"), roles=roles)
            return _respond(found) if isinstance(found, Reply) else view(_with(request, found), *arguments, **named)

        return served

    return decorate


def _with(request: HttpRequest, session: Session | None) -> HttpRequest:
    request.sojourn = session
    return request


def _respond(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))
