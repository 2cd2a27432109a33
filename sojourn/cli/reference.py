"""Pages, manuals and an example file, written from the program: `python -m sojourn.cli.reference docs`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from sojourn.cli import commands, sojourn
from sojourn.cli.callers import callers_page
from sojourn.cli.config import example_file
from sojourn.cli.limits import limits_page
from sojourn.cli.manual import commands_manual, settings_manual
from sojourn.observability.metrics import CATALOGUE
from sojourn.settings.settings import table, variable
from sojourn.settings.sources import SECRETS

_WIDTH = 100
_COMPLETION = """\
The same is in the manual pages `sojourn(1)` and `sojourn.toml(5)`, which the wheel puts into `share/man`.

For completion in the shell, put one of these lines into its start-up file, `~/.bashrc`, `~/.zshrc` or
`~/.config/fish/config.fish`:

```text
eval "$(_SOJOURN_COMPLETE=bash_source sojourn)"
eval "$(_SOJOURN_COMPLETE=zsh_source sojourn)"
_SOJOURN_COMPLETE=fish_source sojourn | source
```

"""


def settings_page() -> str:
    """Every setting with its default and its meaning."""
    rows = "\n".join(
        f"| `{name}` | {f'`{default}`' if default else ''} | {about} |" for name, default, about in table()
    )
    secrets = ", ".join(f"`{variable(name)}`" for name in SECRETS if name != "refresh_secret")
    return f"""# Settings

A setting is read from the first of these places that has it: a flag, an environment variable, a credential of systemd,
the configuration file, the default. Durations are written `1h30m`, `5s`, `500ms`. Several values are separated by
commas. At start the server warns of a variable whose name begins with `SOJOURN_` and that is not listed here. Those of
`sojourn gateway` begin with `SOJOURN_GATEWAY_`; [its options](commands.md) have their names.

The configuration file is TOML. `--config FILE` or `SOJOURN_CONFIG` names it; else `sojourn.toml` in the current
directory is read, if it is there. A setting has the name of its variable without `SOJOURN_`, in small letters:
`port = 8080`, `idle_timeout = "4h"`, `internal_api_keys = ["…"]`, `jwt_role_map = {{"sessions-admin" = "admin"}}`.
A file that holds a secret must be readable by its owner only.

A secret may stand in a file of its own: `SOJOURN_REFRESH_SECRET_FILE=/run/secrets/refresh`, or
`refresh_secret_file = "refresh"` beside the configuration file. So may {secrets}.
A credential of systemd has the name of the variable in small letters:
`LoadCredential=sojourn_refresh_secret:/etc/sojourn/refresh`.

`sojourn config check` says everything that is wrong, each with its place. `sojourn config show` prints where each value
was found. `sojourn config example` prints a file to begin with.

| variable | default | meaning |
|---|---|---|
{rows}

This page is written by `python -m sojourn.cli.reference docs`.
"""


def commands_page() -> str:
    """The help of every command."""
    parts = [f"## sojourn {name}\n\n```text\n{text}\n```\n" for name, text in _helps()]
    return (
        "# Commands\n\nWhat `--help` says of each command. Results go to standard output, a mistake is one line on"
        " standard error\nand a status other than 0.\n\n"
        + _COMPLETION
        + "\n".join(parts)
        + "\nThis page is written by `python -m sojourn.cli.reference docs`.\n"
    )


def _helps() -> Iterator[tuple[str, str]]:
    root = click.Context(sojourn, info_name="sojourn", **sojourn.context_settings)
    for name, command in commands():
        yield from _help(command, name, parent=root)


def _help(command: click.Command, name: str, *, parent: click.Context) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH)
    words = context.command_path.removeprefix("sojourn ")
    formatter = context.make_formatter()
    command.format_usage(context, formatter)
    command.format_help_text(context, formatter)
    command.format_options(context, formatter)  # an epilog is left out: the settings have a page of their own
    yield words, formatter.getvalue().strip()
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _help(found, inner, parent=context)


def metrics_page() -> str:
    """Every metric with its labels and its meaning."""
    rows = "\n".join(
        f"| `{metric.name}{'_total' if metric.kind == 'counter' else ''}` | {metric.kind}"
        f" | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.about} |"
        for metric in CATALOGUE.values()
    )
    return f"""# Metrics

If `SOJOURN_METRICS_PORT` is set, `sojourn serve` serves `GET /metrics` on that port, in the format of OpenMetrics or of
Prometheus, depending on `Accept`. The listener is separate from the service. It listens on `127.0.0.1` unless
`SOJOURN_METRICS_HOST` is set, and requires no credentials; the metrics never name a tenant, a user or a session. The
numbers are those of all worker processes of the server together.

| metric | kind | labels | meaning |
|---|---|---|---|
{rows}

The values of labels are fixed: the operations of the contract, HTTP statuses, the keys of problems, the names of
security events, reason codes. Nothing that clients send creates a new series.

Sessions and refreshes are counted once their transaction is committed. What a command does (`sojourn restore`) is not
counted: it is another process.

`deploy/monitoring/` holds alert rules for Prometheus, with their tests, and a dashboard for Grafana.

This page is written by `python -m sojourn.cli.reference docs`.
"""


PAGES = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "metrics.md": metrics_page,
    "limits.md": limits_page,
    "callers.md": callers_page,
}

"""The pages, by their names in `docs`."""

BESIDE = {
    "deploy/sojourn.toml": example_file,
    "deploy/man/sojourn.1": commands_manual,
    "deploy/man/sojourn.toml.5": settings_manual,
}
"""What is written from the program outside of `docs`, by its name in the repository."""


def main(folder: Path) -> None:
    """Write the pages into the folder `docs` of a checkout, and the other files beside it."""
    written = {folder / name: text for name, text in PAGES.items()}
    written |= {folder.parent / name: text for name, text in BESIDE.items()}
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
