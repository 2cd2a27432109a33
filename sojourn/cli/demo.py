"""`sojourn demo`: the whole service on made-up data, in one command.

The data is made by the service itself: the server starts on a clock that stands in the past, is sent real
requests over HTTP while that clock moves on, and goes on serving on the true clock.
"""

import asyncio
import json
import logging.config
import random
import signal
import socket
import tempfile
import urllib.request
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import click
import uvicorn

from sojourn.app import create_app
from sojourn.authentication import issue_token
from sojourn.cli.serve import uvicorn_options
from sojourn.cli.synthetic.traffic import SPAN, Story, tell
from sojourn.console.pages import prepare
from sojourn.documentation.pages import Documentation
from sojourn.documentation.reference import FilledIn
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.ids import mint_secret
from sojourn.observability import logs
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.engines import with_open_database
from sojourn.storage.upkeep.counting import count_events
from sojourn.storage.upkeep.housekeeping import SETTLED_AFTER, settle_all

TENANTS = ("acme", "globex")
ADMIN = "usr_admin"
_TOKEN_TTL = timedelta(hours=24)
_SEED = 7


class DemoClock:
    """Stands where it is put, then follows the true clock."""

    def __init__(self) -> None:
        self.instant: datetime | None = None

    def __call__(self) -> datetime:
        """The present instant of the demo."""
        return self.instant or utc_now()


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port; 0 takes a free one.",
)
def demo(port: int) -> None:
    """Serve made-up sessions of two tenants until interrupted with Ctrl-C.

    Makes a fresh SQLite file in a temporary folder, fills it through the service's own operations, and prints
    the base URL, an API key, an admin token and three requests to paste. Nothing is kept afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="sojourn-demo-") as folder:
        settings = _settings(Path(folder), port)
        logging.config.dictConfig(logs.config("text", settings.log_level))
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # cleans up as Ctrl-C does
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve(settings))
        click.echo("\nStopped; the demo's data is gone.")


def _settings(folder: Path, port: int) -> Settings:
    return Settings(
        database_url=f"sqlite:///{folder.as_posix()}/demo.db",
        internal_api_keys=(f"demo-{mint_secret()}",),
        jwt_secret=mint_secret(),
        environment="development",
        log_level="warning",
        port=port,
    )


async def _serve(settings: Settings) -> None:
    clock = DemoClock()
    clock.instant = utc_now() - SPAN - timedelta(minutes=1)  # a signing key signs from its making on
    pages = Documentation(settings.link_prefix)
    app = create_app(settings, clock=clock, pages=pages)
    server = uvicorn.Server(uvicorn.Config(app, **uvicorn_options(settings)))
    listener = _listen(settings)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if serving.done():
        raise click.ClickException("the server did not start; its log tells why")
    url = "http://{}:{}".format(*listener.getsockname())
    click.echo("Making two tenants with a few hundred sessions ...")
    story = Story(url=url, settings=settings, clock=clock, tenants=TENANTS, chance=random.Random(_SEED))  # noqa: S311 (made-up data, no secret)
    telling = asyncio.create_task(asyncio.to_thread(tell, story, lambda: server.should_exit))
    await asyncio.wait({telling, serving}, return_when=asyncio.FIRST_COMPLETED)
    if not serving.done() and not server.should_exit:
        user = telling.result()
        clock.instant = None
        await with_open_database(settings.database_url, _catch_up, busy_timeout=settings.busy_timeout)
        token = _admin_token(settings)
        await asyncio.to_thread(prepare)
        pages.filled_in = FilledIn(settings.internal_api_keys[0], token, tenant=TENANTS[0], user=user)
        click.echo(await asyncio.to_thread(_welcome, settings, url, user=user, token=token))
    await serving
    # Interrupted while the story was played: the server may have stopped before its last request.
    await asyncio.gather(telling, return_exceptions=True)


async def _catch_up(database: Database) -> None:
    """Settle and count at once what the story left, so that the first chart shows it."""
    now = utc_now()
    until = to_text(now - SETTLED_AFTER)
    await settle_all(database, until, told_at=to_text(now))
    await count_events(database, now=now, as_of=until)


def _listen(settings: Settings) -> socket.socket:
    """A listening socket. It names its protocol: asyncio sets TCP_NODELAY on connections of no other."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen()
    except OSError as error:
        listener.close()
        address = f"{settings.host}:{settings.port}"
        raise click.ClickException(f"cannot listen on {address}: {error.strerror}; try --port 0") from None
    return listener


def _admin_token(settings: Settings) -> str:
    return issue_token(
        settings, tenant=TENANTS[0], user=ADMIN, roles=("admin",), session=None, ttl=_TOKEN_TTL, now=utc_now()
    )


def _newest(settings: Settings, url: str, *, user: str) -> str:
    """The user's newest session that is active: the one with which the page of one's own devices is opened."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{url}/internal/session/sessions/{quote(user)}?page_size=1&status=active",
        headers={"X-API-Key": settings.internal_api_keys[0], "X-Tenant-ID": TENANTS[0]},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return str(json.load(answer)["items"][0]["id"])


def _welcome(settings: Settings, url: str, *, user: str, token: str) -> str:
    mine = issue_token(
        settings,
        tenant=TENANTS[0],
        user=user,
        roles=(),
        session=_newest(settings, url, user=user),
        ttl=_TOKEN_TTL,
        now=utc_now(),
    )
    key, tenant = settings.internal_api_keys[0], TENANTS[0]
    internal = f"-H 'X-API-Key: {key}' -H 'X-Tenant-ID: {tenant}'"
    return f"""
Open {url}/docs in a browser: the reference, with requests to try. The key, the token, a tenant and a user of
the demo are filled in.

Console      {url}/console#token={token}
My devices   {url}/account#token={mine}

Base URL     {url}
API key      {key}
Admin token  {token}
Tenants      {", ".join(TENANTS)}

Try, in another terminal:

curl -s {internal} '{url}/internal/session/sessions/{user}'

curl -s {internal} '{url}/internal/session/sessions/{user}/active'

curl -s -H 'Authorization: Bearer {token}' '{url}/admin/sessions/stats'

Contract: {url}/openapi.yaml   Problem types: {url}/docs/problems   Ctrl-C ends the demo."""
