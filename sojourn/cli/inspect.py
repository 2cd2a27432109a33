"""`sojourn token inspect`: whether the settings of this environment accept a token, and if not, why."""

import asyncio
from typing import TextIO

import click

from sojourn.authentication import BearerTokens
from sojourn.authentication.compact import read_compact
from sojourn.authentication.signing_keys import TOKEN_TYPE
from sojourn.cli.options import settings_from
from sojourn.domain.clock import utc_now
from sojourn.domain.errors import InvalidToken, Unavailable
from sojourn.domain.values import Caller, Tenant
from sojourn.settings import Settings


@click.command()
@click.argument("file", type=click.File("r"), default="-", metavar="[FILE]")
@click.pass_context
def inspect(ctx: click.Context, file: TextIO) -> None:
    """Say whether the server with these settings accepts the token in FILE (or standard input), and why not.

    Status 0 when it is accepted, 1 when it is refused. Reads the key set of the token's issuer; uses no database, so a
    revoked token is not recognised. The token is not printed.
    """
    text = file.read().strip()
    text = text[7:].strip() if text[:7].lower() == "bearer " else text
    settings = settings_from()
    try:
        caller, tenant = asyncio.run(_judge(text, settings))
    except InvalidToken as refusal:
        click.echo(f"refused: {_own(text, settings) or refusal.detail or refusal.why}")
        ctx.exit(1)
    except Unavailable:
        raise click.ClickException("not decided: the keys of the token's issuer cannot be read") from None
    click.echo(
        f"accepted\nuser    {caller.id}\ntenant  {tenant.id}\nroles   {', '.join(sorted(caller.roles)) or 'none'}"
    )


async def _judge(text: str, settings: Settings) -> tuple[Caller, Tenant]:
    tokens = BearerTokens(settings)
    try:
        return await tokens.authenticate(text, utc_now())
    finally:
        tokens.issuers.close()


def _own(text: str, settings: Settings) -> str | None:
    """What to say of a token that this service may have signed itself: the keys of those are in its database."""
    try:
        header, payload = read_compact(text)
    except InvalidToken:
        return None
    if header.get("typ") == TOKEN_TYPE and payload.get("iss") == settings.token_issuer:
        return "it says that this service signed it; POST /internal/session/validate-token judges those"
    return None
