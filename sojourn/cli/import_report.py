"""What became of the lines of an import: each refused one with its reasons, then the numbers."""

import json
from collections import Counter

import click

from sojourn.domain.errors import DomainError, ValidationFailed
from sojourn.problems import i18n

_LOCALE = i18n.DEFAULT
_WHOLE = {"body": "line"}
"""What the reader of requests calls what is read as a whole."""
_OVER_LIMIT = "taken, though the tenant's policy allows the user fewer sessions: it holds from the next sign-in on"
_NUMBERS = {
    "imported": "{:,} sessions {}imported",
    "taken_before": "{:,} taken before",
    "expired": "{:,} expired",
    "refused": "{:,} lines refused",
}


class Report:
    """Prints refused lines as they come: lines of text, or with `as_json` one object."""

    def __init__(self, *, as_json: bool, dry_run: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.over_limit: list[int] = []
        """Lines that are imported although the policy of their tenant allows the user fewer sessions."""
        self._as_json = as_json
        self._dry_run = dry_run
        if as_json:
            click.echo('{"errors": [', nl=False)

    def refuse(self, line: int, errors: list[dict[str, str]]) -> None:
        """Print what is wrong with a line."""
        if self._as_json:
            told = json.dumps({"line": line, "errors": errors}, ensure_ascii=False)
            click.echo(f"{', ' if self.counts['refused'] else ''}{told}", nl=False)
        else:
            for error in errors:
                click.echo(f"line {line}: {error['field']}: {error['description']}")
        self.counts["refused"] += 1

    def end(self) -> None:
        """Print the lines over a limit, and the numbers."""
        if self._as_json:
            numbers = {**{name: self.counts[name] for name in _NUMBERS}, "over_limit": sorted(self.over_limit)}
            click.echo(f"], {json.dumps({'dry_run': self._dry_run, **numbers})[1:]}")
        else:
            for line in sorted(self.over_limit):
                click.echo(f"line {line}: {_OVER_LIMIT}")
            would = "would be " if self._dry_run else ""
            click.echo(", ".join(text.format(self.counts[name], would) for name, text in _NUMBERS.items()))


def told(error: DomainError, field: str) -> list[dict[str, str]]:
    """What a refusal says of a line: of each rule that is broken, else of the `field` that it concerns."""
    if isinstance(error, ValidationFailed):
        return [
            {
                "field": _WHOLE.get(broken.field, broken.field),
                "code": broken.code,
                "description": i18n.violation(_LOCALE, broken),
            }
            for broken in error.violations
        ]
    description = i18n.sentence(_LOCALE, f"{error.key}.detail", params=error.params)
    return [{"field": field, "code": error.key, "description": description}]
