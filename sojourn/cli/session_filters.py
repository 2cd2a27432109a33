"""The options with which commands say which sessions are meant: the filters of `GET /admin/sessions`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, get_args

import click

from sojourn.domain.clock import Instant, read_instant, to_text
from sojourn.domain.sessions import Status
from sojourn.pipeline.formats import is_ip_network
from sojourn.storage.queries.session_filters import SessionFilter

_LONGEST = 255
_DIGITS, _LAST_NETWORK = 10, 2**32 - 1


def _text(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"must be 1 to {_LONGEST} printable characters")
    return text


def _instant(text: str) -> Instant:
    try:
        return to_text(read_instant(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an instant such as 2026-04-15T10:30:00Z") from None


def _network(text: str) -> str:
    if not is_ip_network(text):
        raise ValueError(f"{text!r} is neither an address nor a network such as 192.0.2.0/24")
    return text


def _country(text: str) -> str:
    if not (len(text) == 2 and text.isascii() and text.isalpha()):
        raise ValueError(f"{text!r} is not a country's code of two letters, such as FI")
    return text.upper()


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text) <= _LAST_NETWORK):
        raise ValueError(f"{text!r} is not the number of a network, such as 64500")
    return int(text)


def _status(text: str) -> str:
    if text not in get_args(Status):
        raise ValueError(f"must be one of {', '.join(get_args(Status))}")
    return text


_Reader = Callable[[str], str | int]
FILTERS: dict[str, tuple[_Reader, str, str]] = {
    "user_id": (_text, "U", "Of this user."),
    "status": (_status, "S", "`active`, `expired` or `revoked`."),
    "app_id": (_text, "A", "Of this application."),
    "device_id": (_text, "D", "On the device with this id."),
    "device_type": (_text, "T", "On devices of this kind."),
    "device_fingerprint": (_text, "F", "On the device with this fingerprint."),
    "ip": (_network, "IP", "Begun at this address, or in this network."),
    "country": (_country, "CC", "Begun in this country, by its code of two letters, as far as places are known."),
    "asn": (_number, "N", "Begun in the network with this number, as far as networks are known."),
    "user_agent_contains": (_text, "TEXT", "With this in their User-Agent, small letters or capital."),
    "amr": (_text, "M", "Whose user authenticated with this method."),
    "auth_time_before": (_instant, "AT", "Whose user last authenticated before this instant."),
    "created_after": (_instant, "AT", "Begun at this instant or later."),
    "created_before": (_instant, "AT", "Begun before this instant."),
    "active_after": (_instant, "AT", "Last used at this instant or later."),
    "active_before": (_instant, "AT", "Last used before this instant."),
}
"""For each filter how it is read, what stands for its value in the help, and what it means."""


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """A command with an option for each filter; it gets them as one `SessionFilter`, named `wanted`."""
    return _with_options(command, but=())


def filtered_in_any_state(command: Callable[..., None]) -> Callable[..., None]:
    """The same without a filter by status."""
    return _with_options(command, but=("status",))


def _with_options(command: Callable[..., None], *, but: tuple[str, ...]) -> Callable[..., None]:
    names = [name for name in FILTERS if name not in but]

    @wraps(command)
    def run(**arguments: Any) -> None:
        given = {name: arguments.pop(name) for name in names}
        command(wanted=SessionFilter(**given), **arguments)

    found: Callable[..., None] = run
    for name in reversed(names):
        _, metavar, about = FILTERS[name]
        found = click.option(f"--{name.replace('_', '-')}", metavar=metavar, help=about, callback=_read(name))(found)
    return found


def _read(name: str) -> Callable[[click.Context, click.Parameter, str | None], str | int | None]:
    return lambda context, option, value: None if value is None else _as_read(name, value)


def _as_read(name: str, value: str) -> str | int:
    try:
        return FILTERS[name][0](value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
