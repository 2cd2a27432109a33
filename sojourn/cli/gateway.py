"""`sojourn gateway`: forward authentication for reverse proxies."""

import logging.config
import os
from datetime import timedelta
from pathlib import Path
from typing import get_args

import click
import uvicorn

from sojourn.cli.options import Duration, TenantParameter
from sojourn.observability import logs
from sojourn.settings.settings import LogFormat

MISSING = "the gateway verifies tokens with sojourn-verify: pip install 'sojourn[verify]'"


def _api_key(file: str | None) -> str:
    """The key, which is never an argument: others see those. Raises ClickException where there is none."""
    key = os.environ.get("SOJOURN_GATEWAY_API_KEY")
    if not key and file is not None:
        try:
            key = Path(file).read_text("utf-8").strip()
        except OSError as error:
            raise click.ClickException(f"SOJOURN_GATEWAY_API_KEY_FILE: {error.strerror}") from None
    if not key:
        raise click.ClickException("set SOJOURN_GATEWAY_API_KEY: a key with the scopes `events` and `tokens`")
    return key


@click.command()
@click.option("--url", envvar="SOJOURN_GATEWAY_URL", required=True, metavar="URL", help="The service.")
@click.option(
    "--api-key-file",
    envvar="SOJOURN_GATEWAY_API_KEY_FILE",
    metavar="FILE",
    help="A file with the API key. Without: SOJOURN_GATEWAY_API_KEY has it.",
)
@click.option("--host", envvar="SOJOURN_GATEWAY_HOST", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", envvar="SOJOURN_GATEWAY_PORT", type=click.IntRange(0, 65535), default=8090, show_default=True)
@click.option(
    "--audience", envvar="SOJOURN_GATEWAY_AUDIENCE", default="sojourn", show_default=True, help="Whom tokens are for."
)
@click.option("--tenant", envvar="SOJOURN_GATEWAY_TENANT", type=TenantParameter(), help="Accept this tenant's only.")
@click.option("--role", "roles", envvar="SOJOURN_GATEWAY_ROLE", multiple=True, help="Ask for one of these roles.")
@click.option("--amr", "methods", envvar="SOJOURN_GATEWAY_AMR", multiple=True, help="Ask for one of these methods.")
@click.option(
    "--max-staleness",
    envvar="SOJOURN_GATEWAY_MAX_STALENESS",
    type=Duration(),
    default="10s",
    show_default=True,
    help="Respond 503 when the service was not heard for so long.",
)
@click.option(
    "--leeway", envvar="SOJOURN_GATEWAY_LEEWAY", type=Duration(), default="5s", show_default=True, help="Of clocks."
)
@click.option("--log-format", envvar="SOJOURN_LOG_FORMAT", type=click.Choice(get_args(LogFormat)), default="text")
def gateway(
    url: str,
    api_key_file: str | None,
    *,
    host: str,
    port: int,
    audience: str,
    tenant: str | None,
    roles: tuple[str, ...],
    methods: tuple[str, ...],
    max_staleness: timedelta,
    leeway: timedelta,
    log_format: LogFormat,
) -> None:
    """Tell reverse proxies whether a request's access token is valid, and whose it is.

    `GET /authz/forward` is for nginx, Traefik and Caddy, `/authz/envoy/` for Envoy: 200 with `X-Auth-Subject`,
    `X-Auth-Tenant`, `X-Auth-Session` and `X-Auth-Amr`, or 401, 403, 503. The gateway follows the service's feed; a
    request to it causes none to the service. Every option has a variable: SOJOURN_GATEWAY_ and its name.
    """
    try:
        from sojourn.serving.gateway import Demands, Gateway
        from sojourn_verify import Verifier
    except ModuleNotFoundError as error:
        if error.name != "sojourn_verify":
            raise
        raise click.ClickException(MISSING) from None
    logging.config.dictConfig(logs.config(log_format, "info"))
    verifier = Verifier(
        url,
        _api_key(api_key_file),
        audience=audience,
        tenant=tenant,
        max_staleness=max_staleness,
        leeway=leeway.total_seconds(),
    )
    app = Gateway(verifier, Demands(roles=frozenset(roles), methods=frozenset(methods)))
    logging.getLogger("sojourn.gateway").info("forward authentication on http://%s:%d/authz/forward", host, port)
    uvicorn.run(app, host=host, port=port, log_config=None, access_log=False, server_header=False)
