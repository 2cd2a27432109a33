"""The conditions that filters of sessions make, apart from the status: on a session's row, with named parameters."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, literal_column

from sojourn.storage.schema.sql_functions import contains, is_within
from sojourn.storage.schema.tables import SessionTable

_S = SessionTable.__table__


def _at(name: str, column: ColumnElement[Any]) -> Any:
    return bindparam(name, type_=column.type)


def _same(name: str) -> ColumnElement[bool]:
    same: ColumnElement[bool] = _S.c[name] == bindparam(name)
    return same


TIMES: dict[str, ColumnElement[bool]] = {
    "created_after": _S.c.created_at >= _at("created_after", _S.c.created_at),
    "created_before": _S.c.created_at < _at("created_before", _S.c.created_at),
}
"""The filters by the time of creation, where a search does not go by the ids."""
FACTS: dict[str, ColumnElement[bool]] = {
    "user_id": _same("user_id"),
    "app_id": _same("app_id"),
    "device_id": _same("device_id"),
    "device_type": _same("device_type"),
    "device_fingerprint": _same("device_fingerprint"),
    "ip": is_within(_S.c.ip, bindparam("ip")),
    "country": contains(_S.c.geoip.op("||")(literal_column("'\n'")), bindparam("country")),
    "asn": _same("asn"),
    "user_agent_contains": contains(func.lower(_S.c.user_agent), bindparam("user_agent_contains")),
    "amr": contains(literal_column("','").op("||")(_S.c.amr).op("||")(literal_column("','")), bindparam("amr")),
    "auth_time_before": _S.c.authenticated_at < _at("auth_time_before", _S.c.authenticated_at),
    "active_after": _S.c.last_active_at >= _at("active_after", _S.c.last_active_at),
    "active_before": _S.c.last_active_at < _at("active_before", _S.c.last_active_at),
}
RANGES: dict[str, ColumnElement[bool]] = {
    "created_after": and_(_S.c.id >= bindparam("created_from"), TIMES["created_after"]),
    "created_before": and_(_S.c.id < bindparam("created_to"), TIMES["created_before"]),
}
"""The same as `TIMES`, with a range of the ids: whatever index a search goes by, it begins and ends there."""
