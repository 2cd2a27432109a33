"""Options that several commands share, and the kinds of value they take."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from textwrap import fill
from typing import Any

import click

from sojourn.domain.durations import parse_duration
from sojourn.domain.ids import TenantId, is_tenant_id
from sojourn.settings import Settings, SettingsError
from sojourn.settings.settings import table, unknown_variables, variable, written
from sojourn.settings.sources import Sources, gather

_BELOW = " " * 4
"""Before what a setting means, on the lines below its name."""


class Duration(click.ParamType[timedelta]):
    """A duration such as `1h30m`, longer than nothing."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration that was written; fails with one sentence."""
        if isinstance(value, timedelta):
            return value
        try:
            duration = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not duration:
            self.fail("must be longer than nothing", param, ctx)
        return duration


class TenantParameter(click.ParamType[TenantId]):
    """A tenant's id, as the contract allows it."""

    name = "tenant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> TenantId:
        """The id; fails with one sentence."""
        if not is_tenant_id(value):
            self.fail(
                f"{value!r} is not a tenant id: 1 to 128 characters of A-Z a-z 0-9 . _ : @ | ~ + = -",
                param,
                ctx,
            )
        return TenantId(value)


_yes = click.option("--yes", "agreed", is_flag=True, help="Do it without asking.")


def asked_first(command: Callable[..., None]) -> Callable[..., None]:
    """A command that asks on the terminal before it acts. Where nobody can be asked it acts with --yes only.

    With --dry-run it does nothing, so it asks nothing.
    """

    @_yes
    @wraps(command)
    def run(agreed: bool, **arguments: Any) -> None:
        if not agreed and not arguments.get("dry_run"):
            ask(f"{(command.__doc__ or '').partition('.')[0]}?")
        command(**arguments)

    return run


def ask(question: str) -> None:
    """Ask on the terminal. Raises Abort for another answer than yes, ClickException where there is no terminal."""
    if not sys.stdin.isatty():
        raise click.ClickException("nobody can be asked here: add --yes to go ahead")
    click.confirm(question, abort=True, err=True)


def of_setting(name: str, declaration: str | None = None, **more: Any) -> Callable[[Any], Any]:
    """The option of a setting: what it means, its variable and its default come from the table of settings."""
    item = Settings.__dataclass_fields__[name]
    default = "" if item.default is None else f"; {written(item.default)}"
    told = f"{item.metadata['about']} [{variable(name)}{default}]"
    return click.option(declaration or "--" + name.replace("_", "-"), default=None, help=told, **more)


database_url = of_setting("database_url", metavar="URL")


def settings_sources() -> Sources:
    """What was given for each setting but for the flags of a command."""
    context = click.get_current_context(silent=True)
    named = None if context is None else context.find_root().params.get("config")
    return gather(os.environ, file=named)


def settings_from(**flags: Any) -> Settings:
    """The same as `judged_settings`, with a line on standard error for each variable that is most likely misspelled."""
    for sentence in unknown_variables(os.environ):
        click.echo(f"sojourn: {sentence}", err=True)
    return judged_settings(**flags)


def judged_settings(**flags: Any) -> Settings:
    """The settings of this process: flags that were given, then the environment, then the file, then the defaults.

    Raises SettingsError with every problem at once, each with the place of what is wrong.
    """
    sources = settings_sources()
    try:
        settings = Settings.from_env(sources.environ(), **flags)
    except SettingsError as error:
        raise SettingsError([*sources.problems, *sources.placed(error.problems)]) from None
    if sources.problems:
        raise SettingsError(sources.problems)
    return settings


def settings_help() -> str:
    """The settings table for a command's `--help`; click keeps the lines after a lone \\b as they are."""
    lines = [
        f"{name}\n"
        + fill(f"{about}{f' [{default}]' if default else ''}", 78, initial_indent=_BELOW, subsequent_indent=_BELOW)
        for name, default, about in table()
    ]
    return "\b\nEnvironment variables (a flag wins over its variable):\n" + "\n".join(lines)
