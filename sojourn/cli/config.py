"""`sojourn config`: whether the settings can be used, where each comes from, and a file to begin with."""

import json
import os
from dataclasses import fields

import click

from sojourn.cli import listing
from sojourn.cli.options import judged_settings, settings_from, settings_sources
from sojourn.settings import Settings, SettingsError
from sojourn.settings.parsers import pairs
from sojourn.settings.settings import unknown_variables, variable, written
from sojourn.settings.shown import shown
from sojourn.settings.sources import SECRETS


@click.group()
def config() -> None:
    """Look at the settings: from flags, environment, credentials of systemd, and the file of --config."""


@config.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Say everything that is wrong with the settings, each with its place. Status 2 when something is."""
    problems = unknown_variables(os.environ)
    try:
        judged_settings()
    except SettingsError as error:
        problems += error.problems
    if problems:
        for problem in problems:
            click.echo(problem, err=True)
        ctx.exit(2)
    click.echo(f"{len(settings_sources().given)} settings given, all can be used")


@config.command()
@listing.as_json
def show(as_json: bool) -> None:
    """Print each setting, its value and where that was found. Secrets are not printed."""
    settings, given = settings_from(), settings_sources().given
    rows = [
        {
            "id": variable(name),
            "value": value,
            "source": given[name].place if name in given else "default",
        }
        for name, value in shown(settings).items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(row["id"]) for row in rows)
    for row in rows:
        click.echo(f"{row['id']:<{width}}  {row['value']}  ({row['source']})")


@config.command()
def example() -> None:
    """Print a file with every setting and its default, each commented out."""
    click.echo(example_file(), nl=False)


def example_file() -> str:
    """A settings file in which every setting stands with its default, commented out."""
    lines = ["# Settings of Sojourn. A variable of the environment wins over this file: SOJOURN_PORT over port."]
    for item in fields(Settings):
        lines += ["", f"# {item.metadata['about']}"]
        if item.name in SECRETS:
            lines.append(f'# {item.name}_file = "a file that holds it"')
        lines.append(f"# {item.name} = {_toml(item.default, maps=item.metadata['read'] is pairs)}")
    return "\n".join(lines) + "\n"


def _toml(default: object, *, maps: bool) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int):
        return str(default)
    if isinstance(default, tuple):
        return '{ "theirs" = "ours" }' if maps else "[]"
    text = "" if default is None else written(default)
    return json.dumps(text)
