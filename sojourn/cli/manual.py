"""The manual pages: `sojourn(1)` from the commands, `sojourn.toml(5)` from the table of settings.

They are in man(7), which `man` of every system reads. The wheel puts them where `man` looks, in `share/man`.
"""

import re
from collections.abc import Iterator
from textwrap import wrap

import click

from sojourn import __version__
from sojourn.cli import GROUPS, commands
from sojourn.settings.settings import table
from sojourn.settings.sources import CONFIG, SECRETS, USUAL_FILE

_WIDTH = 78
_STATUSES = {
    "0": "It did what it was asked for.",
    "1": "It could not; standard error has one line that says why.",
    "2": "The arguments or the settings are wrong.",
    "130": "It was interrupted.",
}


def commands_manual() -> str:
    """`sojourn(1)`: every command with its options."""
    parts = [
        _head("SOJOURN", 1),
        ".SH NAME",
        r"sojourn \- a self\-hosted session service",
        ".SH SYNOPSIS",
        ".B sojourn",
        r"[\fB\-\-config\fR \fIFILE\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]",
        ".SH DESCRIPTION",
        _text("Records who is signed in, on which device and with which tokens, for every tenant."),
        _text(
            "Settings come from flags, then environment variables, then credentials of systemd, then the file of"
            " `--config`. They are in sojourn.toml(5)."
        ),
        ".SH COMMANDS",
    ]
    found = dict(commands())
    for heading, names in GROUPS.items():
        parts.append(f".SS {_quoted(heading)}")
        for name in names:
            parts += [".TP", rf"\fB{_escaped(name)}\fR", _text(found[name].get_short_help_str(limit=200))]
    for name, command in found.items():
        parts += _command(command, name, parent=None)
    parts += [".SH EXIT STATUS"]
    for status, meaning in _STATUSES.items():
        parts += [".TP", rf"\fB{status}\fR", _text(meaning)]
    parts += _text_in_section("FILES", f"`{USUAL_FILE}` in the current directory, unless `{CONFIG}` names another.")
    parts += _text_in_section(
        "SHELL COMPLETION",
        'For bash, put the line `eval "$(_SOJOURN_COMPLETE=bash_source sojourn)"` into `~/.bashrc`. For zsh and fish,'
        " say `zsh_source` or `fish_source`.",
    )
    parts += [".SH SEE ALSO", r".BR sojourn.toml (5)"]
    return "\n".join(parts) + "\n"


def _command(command: click.Command, name: str, *, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    words = context.command_path
    arguments = " ".join(piece for piece in command.collect_usage_pieces(context))
    yield f".SH {_quoted(f'sojourn {words}'.upper())}" if parent is None else f".SS {_quoted(f'sojourn {words}')}"
    yield rf"\fBsojourn {_escaped(words)}\fR {_escaped(arguments)}"
    for paragraph in (command.help or "").replace("\b\n", "").split("\n\n"):
        yield ".PP"
        yield _text(paragraph)
    for option in command.get_params(context):
        record = option.get_help_record(context)
        if record is not None:
            yield from (".TP", rf"\fB{_escaped(record[0])}\fR", _text(record[1]))
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _command(found, inner, parent=context)


def settings_manual() -> str:
    """`sojourn.toml(5)`: the file, and every setting with its default."""
    parts = [
        _head("SOJOURN.TOML", 5),
        ".SH NAME",
        r"sojourn.toml \- the settings of sojourn",
        ".SH DESCRIPTION",
        _text(
            f"A TOML file. `--config` or `{CONFIG}` names it; else `{USUAL_FILE}` in the current directory is read, if"
            " it is there. Each setting is also an environment variable, which wins over the file:"
            " `SOJOURN_` and the name in capitals."
        ),
        ".PP",
        _text(
            "Durations are written `1h30m`, `5s`, `500ms`. A setting of several values is an array of texts. One that"
            " maps names is a table of texts. A file that holds a secret must be readable by its owner only."
        ),
        ".PP",
        _text(
            "A setting that is marked as secret may stand in a file of its own: with `_file` at the end of its name, it"
            " names that file. A credential of systemd has the name of the variable in small letters, such as"
            " `sojourn_refresh_secret`."
        ),
        ".SH SETTINGS",
    ]
    for name, default, about in table():
        key = name.removeprefix("SOJOURN_").lower()
        kind = " This is a secret." if key in SECRETS else ""
        parts += [
            ".TP",
            rf"\fB{_escaped(key)}\fR",
            _text(about + kind + (f" Default: `{default}`." if default else "")),
        ]
    parts += [
        ".SH EXAMPLE",
        ".EX",
        _escaped('port = 8080\nidle_timeout = "4h"\nrefresh_secret_file = "refresh"'),
        ".EE",
        ".PP",
        _text("`sojourn config example` prints a file with every setting; `sojourn config check` judges one."),
        ".SH SEE ALSO",
        r".BR sojourn (1)",
    ]
    return "\n".join(parts) + "\n"


def _head(title: str, section: int) -> str:
    return (
        '.\\" Written by `python -m sojourn.cli.reference docs`.\n'
        f'.TH {title} {section} "" "Sojourn {__version__}" "Sojourn"\n.nh\n.ad l'
    )


def _text_in_section(heading: str, text: str) -> list[str]:
    return [f".SH {_quoted(heading)}", _text(text)]


def _text(text: str) -> str:
    """One paragraph: what stands in backticks is bold."""
    marked = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", _escaped(" ".join(text.split())))
    lines = wrap(marked, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rf"\&{line}" if line.startswith((".", "'")) else line for line in lines)


def _escaped(text: str) -> str:
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", r"\e").replace("-", r"\-"), flags=re.MULTILINE)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'
