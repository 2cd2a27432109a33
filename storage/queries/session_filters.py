"""Which sessions of a tenant: one grammar of filters, for lists, counts and walks.

A `SessionFilter` becomes conditions on columns. Some go by an index, which gives rows in the order of their ids, and
ids sort by time; the others, which have none, are looked at row by row, for a bounded number of rows.
"""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam

from sojourn.domain.clock import Instant, from_text
from sojourn.domain.ids import first_uuid7
from sojourn.domain.sessions import Status
from sojourn.storage.queries.filter_conditions import FACTS, TIMES
from sojourn.storage.queries.filter_conditions import RANGES as RANGES_OF_IDS
from sojourn.storage.queries.session_states import ACTIVE, ENDED_BY_HAND, EXPIRED, SUSPENDED
from sojourn.storage.schema.tables import SessionTable

__all__ = ["CONDITIONS", "RANGES", "TIMES", "SessionFilter", "names_of", "values_of"]
_S = SessionTable.__table__
_NEAR = timedelta(milliseconds=1)
_IPV4 = re.compile(r"[0-9]+(\.[0-9]+){3}")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC) + _NEAR, datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions of the tenant; None does not restrict, and a session must fit all that is given.

    `ip` is an address or a network, `country` a code of two letters, `asn` the number of a network, `amr` one
    method. Instants are in text form:
    `…_after` includes the instant, `…_before` does not.
    """

    user_id: str | None = None
    status: Status | None = None
    app_id: str | None = None
    device_id: str | None = None
    device_type: str | None = None
    device_fingerprint: str | None = None
    ip: str | None = None
    country: str | None = None
    asn: int | None = None
    user_agent_contains: str | None = None
    amr: str | None = None
    auth_time_before: Instant | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None
    active_after: Instant | None = None
    active_before: Instant | None = None

    def given(self) -> dict[str, Any]:
        """The filters that restrict, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def is_plain(self) -> bool:
        """Whether nothing but the user and the status is given: then numbers are kept, or one index counts."""
        return self.given().keys() <= {"user_id", "status"}


CONDITIONS: dict[str, ColumnElement[bool]] = {
    **FACTS,
    "ip=IPv4": _S.c.ip == bindparam("address"),
    "status=active": ACTIVE,
    "status=expired": EXPIRED,
    "status=revoked": ENDED_BY_HAND,
    "status=suspended": SUSPENDED,
    **RANGES_OF_IDS,
}
"""The condition of each filter, by its name and, for the status, its value.

An IPv4 address is written in one way only, so sessions that began there are found by its text, which costs a tenth of
looking whether an address is in a network.
"""
RANGES = tuple(RANGES_OF_IDS)
"""Filters that bound the ids: whatever index a search goes by, it begins and ends there."""


def names_of(wanted: SessionFilter) -> frozenset[str]:
    """The names in `CONDITIONS` of the conditions that a filter makes."""
    return frozenset(_name_of(name, value) for name, value in wanted.given().items())


def values_of(wanted: SessionFilter, now: Instant) -> dict[str, Any]:
    """The parameters of the conditions that a filter makes."""
    values: dict[str, Any] = wanted.given()
    if "ip" in values:
        values["address"] = values["ip"]
    if values.pop("status", None) is not None:
        values["now"] = now
    if "amr" in values:
        values["amr"] = f",{values['amr']},"
    if "country" in values:
        values["country"] = f", {values['country']}\n"
    if "user_agent_contains" in values:
        values["user_agent_contains"] = _in_small_letters(values["user_agent_contains"])
    if wanted.created_after is not None:
        values["created_from"] = _first_id(wanted.created_after, -_NEAR)
    if wanted.created_before is not None:
        values["created_to"] = _first_id(wanted.created_before, _NEAR)
    return values


def _name_of(name: str, value: Any) -> str:
    if name == "ip" and _IPV4.fullmatch(value):
        return "ip=IPv4"
    return f"status={value}" if name == "status" else name


def _in_small_letters(text: str) -> str:
    """As both engines write it small: the letters A to Z and no other."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _first_id(at: Instant, off: timedelta) -> str:
    """An id before those of the sessions that begin at an instant; ids may be a millisecond `off`."""
    return first_uuid7((min(max(from_text(at), _FIRST), _LAST) + off).isoformat())
