"""`sojourn token`: a bearer token for a user of a tenant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from sojourn.authentication import issue_token
from sojourn.cli.inspect import inspect
from sojourn.cli.options import Duration, TenantParameter, settings_from
from sojourn.domain.clock import utc_now

_MAX_TEXT = 255


@click.group(invoke_without_command=True)
@click.option("--tenant", type=TenantParameter(), metavar="T", help="The tenant of the token.")
@click.option("--user", metavar="U", help="The user it speaks for (`sub`).")
@click.option("--role", "roles", multiple=True, metavar="R", help="A role, such as admin; may be repeated.")
@click.option("--session", metavar="SID", help="The session it belongs to (`sid`).")
@click.option("--amr", "amr", multiple=True, metavar="M", help="How the user signed in; may be repeated.")
@click.option("--acr", metavar="C", help="The authentication context class that was reached.")
@click.option("--auth-time", metavar="T", help="When the user signed in: RFC 3339, or seconds; else now.")
@click.option("--ttl", type=Duration(), default="1h", show_default=True, help="How long it is valid.")
@click.pass_context
def token(
    ctx: click.Context,
    *,
    tenant: str | None,
    user: str | None,
    roles: tuple[str, ...],
    session: str | None,
    amr: tuple[str, ...],
    acr: str | None,
    auth_time: str | None,
    ttl: timedelta,
) -> None:
    """Print a bearer token signed with SOJOURN_JWT_SECRET, and nothing else.

    The server must have the same secret, issuer and audience. This command can make a token for any user: it is for
    operators, tests and trying things out. `sojourn token inspect` says whether the server accepts a token, and why
    not.
    """
    if ctx.invoked_subcommand is not None:
        return
    if tenant is None or user is None:
        raise click.UsageError(f"Missing option '{'--tenant' if tenant is None else '--user'}'.")
    settings = settings_from()
    if settings.jwt_secret is None:
        raise click.ClickException("set SOJOURN_JWT_SECRET (32 bytes or more) to sign tokens with")
    if not user.strip() or user != user.strip() or len(user) > 255 or not user.isprintable():
        raise click.BadParameter(
            "must be 1 to 255 printable characters without blanks at its ends", param_hint="--user"
        )
    for option, given in (("--amr", amr), ("--acr", (acr,) if acr is not None else ())):
        if not all(0 < len(text) <= _MAX_TEXT and text.isprintable() for text in given):
            raise click.BadParameter(f"must be 1 to {_MAX_TEXT} printable characters", param_hint=option)
    about: dict[str, Any] = {"tenant": tenant, "user": user, "roles": roles, "session": session}
    try:
        text = issue_token(settings, **about, amr=amr, acr=acr, auth_time=_instant(auth_time), ttl=ttl, now=utc_now())
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(text)


token.add_command(inspect)


def _instant(text: str | None) -> datetime | None:
    """The instant that was written. Raises BadParameter."""
    if text is None:
        return None
    try:
        at = datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"{text!r} is neither an instant such as 2026-04-15T08:00:00Z nor seconds since 1970",
            param_hint="--auth-time",
        ) from None
