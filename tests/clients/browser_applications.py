"""One application in each framework: it shows who is at the browser, signs in, out, and out everywhere."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

from flask import Flask, g, jsonify, redirect
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sojourn_verify.browser import BrowserSession, BrowserSessions
from sojourn_verify.browser_flask import keep_sessions
from sojourn_verify.browser_starlette import BrowserMiddleware
from tests import node
from tests.clients.test_python_adapters import Quiet, asgi, threaded
from tests.clients.typescript import PACKAGE
from tests.live import API_KEY, LiveServer

SECRET = "a-secret-for-cookies-of-more-than-32-characters"
USER = "usr/ann?of=shop#%2F"
"""Who signs in, by a name that a path has only when it is encoded."""
FRIEND = "https://friend.example"
"""Another origin that may send unsafe requests."""
PAGE = """<title>{who}</title><link rel=icon href=data:,><h1>{who}</h1>
<form method=post action=/sign-in><button>Sign in</button></form>
<form method=post action=/sign-out><button>Sign out</button></form>"""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def _seen(browser: BrowserSession) -> list[Any] | None:
    session = browser.session
    return None if session is None else [session.session_id, session.claims["gen"]]


def starlette(sessions: BrowserSessions, *_: Any) -> AbstractContextManager[str]:
    def front(request: Request) -> Response:
        session = request.state.browser.session
        return HTMLResponse(PAGE.format(who="nobody" if session is None else session.subject))

    def me(request: Request) -> Response:
        return JSONResponse(_seen(request.state.browser))

    def act(action: Callable[[BrowserSession], Any]) -> Callable[[Request], Response]:
        def view(request: Request) -> Response:
            action(request.state.browser)
            response = RedirectResponse("/", 303)
            response.set_cookie("other", "kept")
            return response

        return view

    routes = [
        Route("/", front),
        Route("/me", me),
        Route("/sign-in", act(lambda browser: browser.sign_in(USER)), methods=["POST"]),
        Route("/sign-out", act(BrowserSession.sign_out), methods=["POST"]),
        Route("/everywhere", act(BrowserSession.sign_out_everywhere), methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(BrowserMiddleware, sessions=sessions)
    return asgi(app)


@contextlib.contextmanager
def flask(sessions: BrowserSessions, *_: Any) -> Iterator[str]:
    app = Flask("shop")
    keep_sessions(app, sessions)

    @app.get("/me")
    def me() -> Any:
        return jsonify(_seen(g.browser))

    @app.post("/<act>")
    def act(act: str) -> Any:
        if act == "sign-in":
            g.browser.sign_in(USER, user_agent=flask_request.headers.get("User-Agent"))
        elif act == "sign-out":
            g.browser.sign_out()
        else:
            g.browser.sign_out_everywhere()
        response = redirect("/me", 303)
        response.set_cookie("other", "kept")
        return response

    with make_server("127.0.0.1", 0, app, server_class=_Server, handler_class=Quiet) as server:
        yield from threaded(server)


@contextlib.contextmanager
def express(_: BrowserSessions, server: LiveServer, service: str) -> Iterator[str]:
    environ = {
        "SOJOURN_URL": server.url,
        "SESSIONS_URL": service,
        "SOJOURN_API_KEY": API_KEY,
        "COOKIE_SECRET": SECRET,
        "ORIGINS": FRIEND,
        "USER_ID": USER,
    }
    with node.running("test/browser_application.mjs", cwd=PACKAGE, **environ) as process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"  # type: ignore[union-attr]


APPLICATIONS = {begin.__name__: begin for begin in (starlette, flask, express)}
