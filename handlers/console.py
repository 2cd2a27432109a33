"""The console, the page of one's own devices, and their files."""

from sojourn.domain.errors import PageFileNotFound
from sojourn.handlers.answers import Answer
from sojourn.handlers.context import Context
from sojourn.handlers.documentation import FOR_AN_HOUR, FOR_EVER

_CURRENT = "current"
"""What stands in the place of a release for those who want whichever there is."""


async def get_console(ctx: Context, language: str | None) -> Answer:
    """The page for administrators."""
    chosen = language or ctx.locale
    page, policy = ctx.service.console.page("console", chosen)
    return Answer(page, policy=policy, language=chosen)


async def get_account(ctx: Context, language: str | None) -> Answer:
    """The page for users."""
    chosen = language or ctx.locale
    page, policy = ctx.service.console.page("account", chosen)
    return Answer(page, policy=policy, language=chosen)


async def get_console_script(ctx: Context, release: str, file: str) -> Answer:
    """A module of the pages. Raises PageFileNotFound."""
    return _file(ctx, release, name=file)


async def get_console_style(ctx: Context, release: str, file: str) -> Answer:
    """A style sheet of the pages. Raises PageFileNotFound."""
    return _file(ctx, release, name=file)


def _file(ctx: Context, release: str, *, name: str) -> Answer:
    body = ctx.service.console.file(release, name)
    if body is None:
        raise PageFileNotFound()
    return Answer(body, kept=FOR_AN_HOUR if release == _CURRENT else FOR_EVER)
