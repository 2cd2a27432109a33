"""What every `list` prints: a table for people, one JSON array for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import click

from sojourn.domain.clock import from_text

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON array of objects, for programs.")

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def show(items: Sequence[Mapping[str, object]], *, columns: Iterable[str], none_yet: str, as_json: bool) -> None:
    """Print the items: as an array of all their members, or the columns under their names.

    `none_yet` goes to standard error where there is nothing to tell people.
    """
    if as_json:
        click.echo(json.dumps(items, ensure_ascii=False, indent=2))
        return
    if not items:
        click.echo(f"none yet: {none_yet}", err=True)
        return
    names = tuple(columns)
    rows = [tuple(name.upper() for name in names), *(tuple(_cell(item[name]) for name in names) for item in items)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(names))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def ago(text: str, now: datetime) -> str:
    """How long ago a stored instant was, in its largest whole unit, such as `2 h ago`."""
    seconds = (now - from_text(text)).total_seconds()
    distance = abs(seconds)
    for size, unit in _UNITS:
        if distance >= size:
            told = f"{int(distance // size)} {unit}"
            return f"{told} ago" if seconds > 0 else f"in {told}"
    return "now"


def printable(text: str) -> str:
    """A text as it may stand on a terminal: what others wrote must not move the cursor."""
    return text if text.isprintable() else json.dumps(text)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return printable(",".join(map(str, value)))
    return "" if value is None else printable(str(value))
