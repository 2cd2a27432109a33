"""`sojourn serve`: the server."""

import asyncio
import logging.config
import os
import resource
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, get_args

import click

from sojourn import __version__
from sojourn.authentication.key_sets import require_usable
from sojourn.authentication.key_source import KeySetError
from sojourn.authentication.shared_counts import shared_with_workers
from sojourn.authentication.vault import Vault
from sojourn.cli.databases import with_database
from sojourn.cli.options import database_url, judged_settings, of_setting, settings_help
from sojourn.cli.settings_record import record_settings
from sojourn.observability import logs, spans
from sojourn.observability.exposition import exposed
from sojourn.serving import listeners
from sojourn.serving.http_protocol import StrictHttpProtocol
from sojourn.settings import Settings
from sojourn.settings.cores import usable_cores
from sojourn.settings.key_files import require_private
from sojourn.settings.settings import LogFormat, unknown_variables, variable
from sojourn.settings.strength import cautions, shown_url
from sojourn.storage.database import Database
from sojourn.storage.queries import api_keys

logger = logging.getLogger("sojourn.serve")

OTHER_DESCRIPTORS = 256
"""What a process opens besides the connections of clients: files of the database, its connections, pipes."""

WORKER_SECONDS = 30
"""A worker process that shows no sign of life for so long is replaced, and a new one has so long to start."""


class _Processes(click.IntRange):
    """A number of processes, or `auto`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Refuses what is neither, as click does."""
        return usable_cores() if value == "auto" else super().convert(value, param, ctx)


@click.command(epilog=settings_help())
@of_setting("host")
@of_setting("port", type=click.IntRange(0, 65535))
@of_setting("behind_proxy", "--behind-proxy/--no-behind-proxy")
@of_setting("workers", type=_Processes(1), metavar="N|auto")
@database_url
@of_setting("base_path", metavar="PATH")
@of_setting("log_format", type=click.Choice(get_args(LogFormat)))
def serve(**flags: object) -> None:
    """Serve the contract over HTTP until interrupted.

    Needs somebody who may call: an API key (`sojourn api-key create --name NAME`, or
    SOJOURN_INTERNAL_API_KEYS) or a key for bearer tokens (SOJOURN_OIDC_ISSUER,
    SOJOURN_JWT_JWKS or SOJOURN_JWT_SECRET).
    """
    settings = judged_settings(**flags)
    logging.config.dictConfig(logs.config(settings.log_format, settings.log_level))
    for sentence in (
        *unknown_variables(os.environ),
        *cautions(settings),
        *_readable_by_others(settings),
        *_refused_audiences(settings),
        *spans.mistakes(os.environ),
    ):
        logger.warning("%s", sentence)
    _require_a_key(settings, with_database(settings, _has_stored_key))
    _check_key_files(settings)
    _check_key_set(settings)
    _check_port(settings)
    _allow_descriptors(settings.max_connections)
    os.environ.update(settings.to_environ())
    # Worker processes begin without the filter that the command line has set.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:Using `httpx` with `starlette.testclient`")
    # uvicorn stops in good order, then sends itself the signal again. It is what was asked for, and no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    scheme = "http" if settings.tls_certificate is None else "https"
    logger.info(
        "Sojourn %s: open %s/docs to begin, the database is %s",
        __version__,
        settings.link_prefix
        if settings.public_url
        else f"{scheme}://{settings.host}:{settings.port}{settings.link_prefix}",
        shown_url(settings.database_url),
    )
    with shared_with_workers(), _metrics(settings), _internal_listener(settings) as internal:
        record_settings(settings)
        listeners.serve(settings.workers, internal, **uvicorn_options(settings))


@contextmanager
def _internal_listener(settings: Settings) -> Iterator[socket.socket | None]:
    """The socket of the internal port, where the settings ask for one. Raises ClickException when it cannot be had."""
    if settings.internal_port is None:
        yield None
        return
    try:
        bound = listeners.bound(settings.host, settings.internal_port)
    except OSError as error:
        asked = f"{settings.host}:{settings.internal_port}"
        raise click.ClickException(f"SOJOURN_INTERNAL_PORT: cannot listen on {asked}: {error.strerror}") from None
    with closing(bound):
        port = bound.getsockname()[1]
        os.environ[variable("internal_port")] = str(port)
        logger.info("internal and administrative operations on %s:%d", settings.host, port)
        yield bound


@contextmanager
def _metrics(settings: Settings) -> Iterator[None]:
    """Serve the metrics meanwhile, where the settings say so. Raises ClickException when the port cannot be had."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(exposed(settings.metrics_host, settings.metrics_port))
        except OSError as error:
            asked = f"{settings.metrics_host}:{settings.metrics_port}"
            raise click.ClickException(f"SOJOURN_METRICS_PORT: cannot listen on {asked}: {error.strerror}") from None
        if url is not None:
            logger.info("metrics on %s", url)
        yield


def _allow_descriptors(connections: int) -> None:
    """Raise the limit of open files, as far as the system lets us, to what so many connections need."""
    wanted = connections + OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        logger.warning(
            "the limit of open files is %d: too little for SOJOURN_MAX_CONNECTIONS=%d (ulimit -n)", most, connections
        )


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn is run: the answers' headers and the log are ours, not its own."""
    return {
        "host": settings.host,
        "port": settings.port,
        "ssl_certfile": settings.tls_certificate,
        "ssl_keyfile": settings.tls_key,
        "loop": "uvloop",
        "http": StrictHttpProtocol,
        "ws": "none",
        "lifespan": "on",
        "timeout_worker_healthcheck": WORKER_SECONDS,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "h11_max_incomplete_event_size": settings.max_header_bytes + settings.max_uri_bytes,
        "timeout_graceful_shutdown": max(1, round(settings.shutdown_timeout.total_seconds())),
        "log_config": logs.config(settings.log_format, settings.log_level),
    }


def _check_port(settings: Settings) -> None:
    """Raises ClickException for an address that cannot be listened on: once, and not from each worker."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise click.ClickException(f"cannot listen on {place}: {error.strerror or error}; try --port 0") from None


def _check_key_files(settings: Settings) -> None:
    """Raises ClickException for a secret that cannot be used or that others may read, in a file or beside TLS's."""
    try:
        Vault.open(settings)
    except OSError as error:
        raise click.ClickException(f"cannot use the key file: {error}") from None
    if settings.tls_certificate is None or settings.tls_key is None:
        return
    try:
        require_private(Path(settings.tls_key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=lambda: "")
    except OSError as error:  # `ssl.SSLError` is one
        raise click.ClickException(f"cannot serve HTTPS with {settings.tls_certificate}: {error}") from None


def _check_key_set(settings: Settings) -> None:
    """Raises ClickException for a key set file without a usable key. What is behind a URL may come later."""
    source = settings.jwt_jwks
    if source is None or source.startswith(("http://", "https://")):
        return
    try:
        asyncio.run(require_usable(source, settings.algorithms))
    except KeySetError as error:
        raise click.ClickException(f"cannot use the key set of SOJOURN_JWT_JWKS: {error}") from None


def _refused_audiences(settings: Settings) -> list[str]:
    """A sentence when tokens of the usual kind would be refused: nearly every provider names an audience."""
    if settings.has_key_sets and settings.jwt_audience is None:
        return ["SOJOURN_JWT_AUDIENCE is not set: bearer tokens that name an audience (aud) are refused"]
    return []


def _readable_by_others(settings: Settings) -> list[str]:
    """A sentence when a SQLite file of an earlier release may be read by everybody: new ones may not."""
    path = settings.database_url.removeprefix("sqlite:///")
    if path == settings.database_url:
        return []
    try:
        require_private(Path(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"the database: {error}"]
    return []


def _require_a_key(settings: Settings, has_stored_key: bool) -> None:
    """Refuse to serve when every request would be refused."""
    if settings.internal_api_keys or has_stored_key or settings.algorithms:
        return
    raise click.ClickException(
        "nobody could call: there is no API key and no key for bearer tokens. "
        "Make an API key with `sojourn api-key create --name NAME`, "
        "or set SOJOURN_OIDC_ISSUER, SOJOURN_JWT_JWKS or SOJOURN_JWT_SECRET"
    )


async def _has_stored_key(database: Database) -> bool:
    async with database.system() as unit:
        return any(key.revoked_at is None for key in await api_keys.all_keys(unit))
