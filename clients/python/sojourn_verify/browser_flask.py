"""Flask: `keep_sessions(app, sessions)`, then `g.browser` is the `BrowserSession` of who sends a request."""

# mypy: disable-error-code="import-not-found"

from flask import Flask, Response, g, request

from sojourn_verify.bearer import Reply, reply_to
from sojourn_verify.browser import BrowserSessions, Incoming
from sojourn_verify.outcomes import Stale


def keep_sessions(app: Flask, sessions: BrowserSessions) -> None:
    """Read the browser's cookie into `g.browser` before each request, and write what has changed into the response.

    Call it before you register other functions with `before_request` that want to know who is signed in. A view that
    raises `Stale` is responded to with 503.
    """

    def instead(reply: Reply) -> Response:
        return Response(reply.body, reply.status, dict(reply.headers))

    def read() -> Response | None:
        origin = request.host_url.rstrip("/")
        found = sessions.open(Incoming(request.method, request.cookies, dict(request.headers), origin))
        if isinstance(found, Reply):
            return instead(found)
        g.browser = found
        return None

    def write(response: Response) -> Response:
        if "browser" in g:
            for cookie in g.browser.set_cookies:
                response.headers.add("Set-Cookie", cookie)
            response.vary.add("Cookie")
        return response

    app.before_request(read)
    app.after_request(write)
    app.register_error_handler(Stale, lambda error: instead(reply_to(error)))
