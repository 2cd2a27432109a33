"""Django: the session that a browser holds, recorded when Django signs somebody in.

In the settings, `SOJOURN_BROWSER_SESSIONS` is a `BrowserSessions`, and `MIDDLEWARE` has
`sojourn_verify.browser_django.BrowserMiddleware` behind `AuthenticationMiddleware`. Then `request.browser` is the
`BrowserSession`. Signing in (`user_logged_in`) begins a session, signing out ends it, and a user whose session was
ended elsewhere is signed out here.
"""

# mypy: disable-error-code="import-untyped, import-not-found, untyped-decorator"

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from sojourn_verify.bearer import Reply, reply_to
from sojourn_verify.browser import Incoming
from sojourn_verify.outcomes import Stale


class BrowserMiddleware:
    """Reads the browser's cookie into `request.browser`, and writes what has changed into the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve one request."""
        origin = f"{request.scheme}://{request.get_host()}"
        found = settings.SOJOURN_BROWSER_SESSIONS.open(
            Incoming(request.method, request.COOKIES, request.headers, origin)
        )
        if isinstance(found, Reply):
            return _instead(found)
        request.browser = found
        if found.session is None and request.user.is_authenticated:
            logout(request)
        response = self._get_response(request)
        for cookie in found.set_cookies:
            response.cookies.load(cookie)
        patch_vary_headers(response, ("Cookie",))
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """503 for a view that raises `Stale`, such as one that signs in while the service is not there."""
        return _instead(reply_to(exception)) if isinstance(exception, Stale) else None


def _instead(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))


@receiver(user_logged_in)
def _record(sender: Any, request: HttpRequest, user: Any, **_: Any) -> None:
    if hasattr(request, "browser"):
        request.browser.sign_in(str(user.pk), user_agent=request.headers.get("User-Agent", "")[:512] or None)


@receiver(user_logged_out)
def _end(sender: Any, request: HttpRequest, **_: Any) -> None:
    if hasattr(request, "browser"):
        request.browser.sign_out()
