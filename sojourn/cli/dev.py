"""`sojourn dev`: the server of those who edit the contract.

One process watches the files, another serves; on every change of the contract, a locale or Python code the second
restarts. It says what is wrong with the contract, with file and line, and goes on where it can.
"""

import logging
import logging.config
import os
import sys
import tempfile
import threading
from collections.abc import Mapping, MutableMapping
from datetime import timedelta
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import click
import uvicorn

from sojourn.app import create_app
from sojourn.authentication import issue_token
from sojourn.cli.options import database_url, settings_from
from sojourn.cli.serve import uvicorn_options
from sojourn.domain.clock import utc_now
from sojourn.domain.ids import mint_secret
from sojourn.observability import logs
from sojourn.openapi.lint.__main__ import ToolFailed, ToolMissing, lint, spec_validator
from sojourn.openapi.lint.findings import Finding
from sojourn.openapi.loader import BundleError, load_bundle
from sojourn.openapi.places import Places
from sojourn.pipeline.bodies import Receive
from sojourn.pipeline.middleware import App
from sojourn.pipeline.requests import Scope
from sojourn.pipeline.responder import Send
from sojourn.pipeline.schemas import ContractError
from sojourn.pipeline.stubs import Stubs
from sojourn.settings import Settings

ROOMS = ("sojourn", "sojourn.openapi", "sojourn.handlers", "sojourn.storage", "sojourn.domain")
WATCHED = ["*.py", "*.yaml", "*.ftl"]
UNFIT = 3
_WAITING = "not served: waiting for the next change"
_TOKEN_TTL = timedelta(days=7)

logger = logging.getLogger("sojourn.dev")


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The port.")
@database_url
def dev(**flags: object) -> None:
    """Serve the contract while it is being edited, and begin anew on every change.

    Shows what the linters find with file and line (Redocly and Spectral take part after `npm ci`). An operation
    without a handler is answered from its first example, with the header `X-Sojourn-Example: true`. Listens on
    127.0.0.1 only; without --database-url the data is temporary. Prints an API key and an admin token, unless they are
    made of secrets that you set yourself.
    """
    if find_spec("watchfiles") is None:
        raise click.ClickException("watchfiles is not installed: run `pip install -e '.[dev]'` first")
    # A linter may still be at work in the folder when the last process ends.
    with tempfile.TemporaryDirectory(prefix="sojourn-dev-", ignore_cleanup_errors=True) as folder:
        made = _defaults(Path(folder))
        settings = settings_from(**(made | {name: flag for name, flag in flags.items() if flag}))
        os.environ.update(settings.to_environ())
        os.environ["TMPDIR"] = folder  # what an interrupted linter leaves goes with the rest
        os.environ.setdefault("PYTHONWARNINGS", "ignore:Using `httpx` with `starlette.testclient`")
        logging.config.dictConfig(logs.config(settings.log_format, settings.log_level))
        click.echo(_welcome(settings, made))
        uvicorn.run(
            "sojourn.cli.dev:create_dev_app",
            factory=True,
            reload=True,
            reload_dirs=[str(files(room)) for room in ROOMS],
            reload_includes=WATCHED,
            **uvicorn_options(settings),
        )


def create_dev_app() -> App:
    """The application of the contract as it is now; what the serving process calls.

    Leaves with status 3 when the contract cannot be served, having said why; the next change begins anew.
    """
    try:
        contract = load_bundle()
    except BundleError as error:
        _give_up(f"openapi/{error}")
    places = Places()
    if invalid := spec_validator(contract):
        _give_up(*(_line(places, finding) for finding in invalid))
    stubs = Stubs(contract)
    app = create_app(Settings.from_env(os.environ), contract=contract, stubs=stubs.choose)
    threading.Thread(target=_lint, args=(contract, places), daemon=True).start()
    return _telling(app, stubs)


def _telling(app: App, stubs: Stubs) -> App:
    """The application; at its start it tells of stand-ins, or in one line why there is no start."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return

        async def tell(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                for operation_id, reason in stubs.chosen.items():
                    logger.warning("%s is answered from its example: %s", operation_id, reason)
            await send(message)

        try:
            await app(scope, receive, tell)
        except ContractError as error:
            await send({"type": "lifespan.startup.failed", "message": f"openapi: {error}; {_WAITING}"})

    return serve


def _lint(contract: Mapping[str, Any], places: Places) -> None:
    """Say what the linters find, when they have found it: the server does not wait for them."""
    try:
        found, _ = lint(contract)
    except (ToolMissing, ToolFailed) as error:
        logger.info("the contract is valid OpenAPI; %s", error)
        return
    for finding in found:
        logger.warning("%s", _line(places, finding))
    if not found:
        logger.info("the linters find nothing in the contract")


def _line(places: Places, finding: Finding) -> str:
    return f"openapi/{places.of(finding.pointer)}: {finding}"


def _give_up(*sentences: str) -> NoReturn:
    for sentence in (*sentences, _WAITING):
        logger.error("%s", sentence)
    sys.exit(UNFIT)


def _defaults(folder: Path) -> dict[str, Any]:
    """Settings that need nothing of the environment, for what it does not say."""
    defaults = {
        "database_url": f"sqlite:///{folder.as_posix()}/dev.db",
        "internal_api_keys": (f"dev-{mint_secret()}",),
        "jwt_secret": mint_secret(),
        "environment": "development",
        "response_validation": "enforce",
    }
    given = {name.removeprefix("SOJOURN_").lower() for name in os.environ}
    return {name: value for name, value in defaults.items() if name not in given} | {"host": "127.0.0.1"}


def _welcome(settings: Settings, made: Mapping[str, Any]) -> str:
    """Where to look, and the credentials that were `made` for this server: no secret of the environment is printed."""
    url = f"http://{settings.host}:{settings.port}"
    key, token = "one of those that you have set", "`sojourn token` prints one"
    if settings.internal_api_keys == made.get("internal_api_keys"):
        key = settings.internal_api_keys[0]
    if settings.jwt_secret == made.get("jwt_secret"):
        token = issue_token(
            settings, tenant="acme", user="usr_admin", roles=("admin",), session=None, ttl=_TOKEN_TTL, now=utc_now()
        )
    return f"""Open {url}/docs in a browser: the contract as it is now, with requests to try.

Base URL     {url}
API key      {key}
Admin token  {token}
"""
