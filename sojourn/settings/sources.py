"""Where the texts of settings come from: environment, files with one secret each, systemd credentials, a TOML file.

An environment variable wins over a credential, a credential over the file. All are read as the texts that environment
variables hold, so one reader (`Settings.from_env`) judges them, and each knows its place for the messages.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from sojourn.settings.key_files import require_private
from sojourn.settings.parsers import pairs
from sojourn.settings.settings import PREFIX, Settings, variable
from sojourn.settings.strength import shown_url

CONFIG = PREFIX + "CONFIG"
"""The variable that names the file."""
USUAL_FILE = "sojourn.toml"
"""Read when nothing names another and it is in the current directory."""
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd puts credentials (`LoadCredential=`)."""

_SETTINGS = {item.name: item for item in fields(Settings)}
SECRETS = tuple(name for name, item in _SETTINGS.items() if item.metadata["secret"])
"""The settings that may stand in a file of their own."""
ALWAYS_SECRET = (
    "internal_api_keys",
    "jwt_secret",
    "jwt_secret_previous",
    "refresh_secret",
    "refresh_secret_previous",
)
"""Those that are shown to nobody; the other secrets are URLs, with a password or without."""


class Given(NamedTuple):
    """The text of a setting, and where it was found: a variable, or a file with its line."""

    text: str
    place: str


class Sources(NamedTuple):
    """What was given for each setting, and a sentence for each thing that cannot be read."""

    given: dict[str, Given]
    problems: list[str]

    def environ(self) -> dict[str, str]:
        """The same as environment variables."""
        return {variable(name): given.text for name, given in self.given.items()}

    def placed(self, problems: list[str]) -> list[str]:
        """The problems that `Settings` found; one with a text of a file begins with its place."""
        places = {variable(name): given.place for name, given in self.given.items()}
        told = []
        for problem in problems:
            name = problem.partition(":")[0]
            place = places.get(name, name)
            told.append(problem if place == name else f"{place}: {problem}")
        return told


def gather(environ: Mapping[str, str], *, file: Path | None = None) -> Sources:
    """What an environment gives, with the file that is named or usual. What cannot be read is among the problems."""
    sources = Sources({}, [])
    chosen = file or (Path(environ[CONFIG]) if environ.get(CONFIG) else None)
    if chosen is None and Path(USUAL_FILE).exists():
        chosen = Path(USUAL_FILE)
    if chosen is not None:
        _read_file(chosen, sources)
    _read_credentials(environ, sources)
    _read_variables(environ, sources)
    return sources


def _read_variables(environ: Mapping[str, str], sources: Sources) -> None:
    for name in _SETTINGS:
        text, named = environ.get(variable(name)), environ.get(variable(name) + "_FILE") if name in SECRETS else None
        if text and named:
            sources.problems.append(f"{variable(name)}_FILE: {variable(name)} is set too; set one of them")
        elif text:
            sources.given[name] = Given(text, variable(name))
        elif named:
            _read_secret(name, Path(named), place=f"{variable(name)}_FILE", sources=sources)


def _read_credentials(environ: Mapping[str, str], sources: Sources) -> None:
    if environ.get(CREDENTIALS):
        for name in SECRETS:
            path = Path(environ[CREDENTIALS], variable(name).lower())
            if path.exists():
                _read_secret(name, path, place=str(path), sources=sources)


def _read_secret(name: str, path: Path, *, place: str, sources: Sources) -> None:
    """One secret from a file: its text without the line end; several API keys stand on a line each."""
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        sources.problems.append(f"{place}: {path}: {reason}")
        return
    if not text:
        sources.problems.append(f"{place}: {path}: is empty")
        return
    sources.given[name] = Given(",".join(text.split("\n")) if name == "internal_api_keys" else text, place)


def reread(name: str, environ: Mapping[str, str]) -> str | None:
    """The text of a secret as it stands in its own file now; None where it has none. Raises OSError."""
    sources = Sources({}, [])
    _read_credentials(environ, sources)
    named = environ.get(variable(name) + "_FILE")
    if named:
        _read_secret(name, Path(named), place=f"{variable(name)}_FILE", sources=sources)
    if sources.problems:
        raise OSError("; ".join(sources.problems))
    found = sources.given.get(name)
    return None if found is None else found.text


def _read_file(path: Path, sources: Sources) -> None:
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        sources.problems.append(f"{path}: {error.strerror}")
        return
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        sources.problems.append(f"{path}: {error}")
        return
    for key, value in table.items():
        place = f"{path}:{_line(text, key)}"
        try:
            _take(key, value, place=place, file=path, sources=sources)
        except (ValueError, OSError) as error:
            sources.problems.append(f"{place}: {key}: {error}")


def _take(key: str, value: Any, *, place: str, file: Path, sources: Sources) -> None:
    """One line of the file. Raises ValueError, and OSError for a file with a secret that others may read."""
    name = key.removesuffix("_file") if key.removesuffix("_file") in SECRETS and key not in _SETTINGS else key
    if name not in _SETTINGS:
        near = get_close_matches(key, [*_SETTINGS, *(f"{secret}_file" for secret in SECRETS)], 1)
        raise ValueError("is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    if name != key:
        if not isinstance(value, str):
            raise ValueError("must be the name of a file, in quotes")
        _read_secret(name, file.parent / value, place=f"{place}: {key}", sources=sources)
        return
    text = _text(value, maps=_SETTINGS[name].metadata["read"] is pairs)
    if name in ALWAYS_SECRET or (name in SECRETS and shown_url(text) != text):
        require_private(file)
    if text:
        sources.given[name] = Given(text, place)


def _text(value: Any, *, maps: bool) -> str:
    """A value of TOML as the text of an environment variable. Raises ValueError for a kind that none has."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list):
        return ",".join(_items(value))
    if isinstance(value, dict) and maps:
        return ",".join(f"{left}={right}" for left, right in zip(value, _items(list(value.values())), strict=True))
    raise ValueError("must be a text in quotes, a whole number, true or false, or a list of texts")


def _items(values: list[Any]) -> Iterator[str]:
    for value in values:
        if not isinstance(value, str) or "," in value:
            raise ValueError("must be a list of texts without commas")
        yield value


def _line(text: str, key: str) -> int:
    """The line on which a key of the file stands."""
    found = re.search(rf"^[ \t]*(?:\[+[ \t]*)?[\"']?{re.escape(key)}\b", text, re.MULTILINE)
    return 1 if found is None else text.count("\n", 0, found.start()) + 1
