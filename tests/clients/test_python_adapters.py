"""The adapters of `sojourn_verify` in real applications of each framework, served as in operation."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import HTTPServer
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest

from sojourn_verify import Session, Verifier
from tests.background import serving
from tests.clients.following import Beside, wait_until
from tests.live import API_KEY, LiveServer, free_port

uvicorn = pytest.importorskip("uvicorn")
for framework in ("django", "fastapi", "flask"):
    pytest.importorskip(framework, reason=f"{framework} is not installed; `tox -e clients` brings it")

CHALLENGE = 'Bearer error="invalid_token", error_description="%s"'


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    server = LiveServer(tmp_path_factory.mktemp("adapters"))
    made = Beside(server, Verifier(server.url, API_KEY))
    yield made
    made.close()
    server.stop()


@pytest.fixture(scope="module")
def deaf() -> Iterator[Verifier]:
    """A verifier that hears nothing."""
    verifier = Verifier(f"http://127.0.0.1:{free_port()}", API_KEY, timeout=0.3)
    yield verifier
    verifier.close()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def wsgi(application: Any) -> Iterator[str]:
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        yield from threaded(server)


def threaded(server: HTTPServer) -> Iterator[str]:
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextlib.contextmanager
def asgi(application: Any) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def fastapi_dependency(verifier: Verifier) -> Any:
    from fastapi import Depends, FastAPI

    from sojourn_verify.fastapi import signed_in

    app = FastAPI()

    async def me(session: Annotated[Session, Depends(signed_in(verifier))]) -> str:
        return session.subject

    app.get("/me")(me)
    app.get("/admin", dependencies=[Depends(signed_in(verifier, roles=["admin"]))])(lambda: "")
    return asgi(app)


def starlette_middleware(verifier: Verifier) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Mount, Route

    from sojourn_verify.fastapi import BearerMiddleware

    async def me(request: Request) -> Response:
        return JSONResponse(request.state.session.subject)

    inner = Starlette(routes=[Route("/", me)])
    app = Starlette(
        routes=[Mount("/me", inner), Mount("/admin", BearerMiddleware(inner, verifier, roles=["admin"]))],
    )
    app.add_middleware(BearerMiddleware, verifier=verifier)
    return asgi(app)


def flask(verifier: Verifier) -> Any:
    from flask import Flask, g, jsonify

    from sojourn_verify.flask import signed_in

    app = Flask("app")
    app.get("/me")(signed_in(verifier)(lambda: jsonify(g.sojourn.subject)))
    app.get("/admin", endpoint="admin")(signed_in(verifier, roles=["admin"])(lambda: ""))
    return wsgi(app)


def _django(verifier: Verifier) -> None:
    import django
    from django.conf import settings
    from django.http import HttpRequest, JsonResponse
    from django.urls import path

    from sojourn_verify.django import signed_in

    def me(request: HttpRequest) -> JsonResponse:
        return JsonResponse(request.sojourn.subject, safe=False)  # type: ignore[attr-defined]

    async def admin(request: HttpRequest) -> JsonResponse:
        return JsonResponse({})

    urls = type("Urls", (), {})
    urls.urlpatterns = [path("me", signed_in()(me)), path("admin", signed_in(roles=["admin"])(admin))]  # type: ignore[attr-defined]
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], MIDDLEWARE=["sojourn_verify.django.BearerMiddleware"])
        django.setup()
    settings.SOJOURN_VERIFIER, settings.ROOT_URLCONF = verifier, urls


def django_wsgi(verifier: Verifier) -> Any:
    from django.core.wsgi import get_wsgi_application

    _django(verifier)
    return wsgi(get_wsgi_application())


def django_asgi(verifier: Verifier) -> Any:
    from django.core.asgi import get_asgi_application

    _django(verifier)
    return asgi(get_asgi_application())


@pytest.mark.parametrize(
    "begin",
    [fastapi_dependency, starlette_middleware, flask, django_wsgi, django_asgi],
    ids=lambda begin: begin.__name__,
)
def test_who_is_signed_in_passes(begin: Callable[[Verifier], Any], beside: Beside, deaf: Verifier) -> None:
    key, tokens = beside.sign_in("usr_ann")
    good = f"Bearer {tokens['access_token']}"
    with begin(beside.verifier) as url, httpx.Client(base_url=url, follow_redirects=True) as http:

        def seen(path: str, authorization: str | None) -> tuple[int, str | None]:
            response = http.get(path, headers={} if authorization is None else {"Authorization": authorization})
            return response.status_code, response.headers.get("WWW-Authenticate")

        assert http.get("/me", headers={"Authorization": good}).json() == "usr_ann"
        for wrong in (None, "Basic YTpi", "Bearer", f"{good} x"):
            assert seen("/me", wrong) == (401, "Bearer")
        assert seen("/me", "bearer a.b.c") == (401, CHALLENGE % "invalid_token")
        assert seen("/admin", good) == (403, 'Bearer error="insufficient_scope"')
        beside.end(key)
        wait_until(lambda: seen("/me", good)[0] == 401, seconds=5)
        assert seen("/me", good)[1] == CHALLENGE % "session_revoked"
    with begin(deaf) as url:
        response = httpx.get(f"{url}/me", headers={"Authorization": good}, follow_redirects=True)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
