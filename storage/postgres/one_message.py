"""A read and its tenant in one statement: one message to the server instead of three.

Row security compares each row's tenant with the setting `sojourn.tenant`. The setting must be in force before any row
is judged, wherever the planner puts that comparison (it may stand above the scan, evaluated once). So the statement
becomes a subquery that depends on the row in which the setting was made, and that the planner may not merge with it:

    SELECT $n::int, n.* FROM (SELECT set_config('sojourn.tenant', $1::varchar, true)::varchar AS x) t
    CROSS JOIN LATERAL (SELECT * FROM (… tenant_id = t.x …) s OFFSET 0) n

`LATERAL` makes it depend, `OFFSET 0` (or `LIMIT 1`) keeps it apart. The setting is local to the implicit transaction of
the message. Questions in one message share that transaction, so each sets its own tenant.
"""

import re
from typing import Any, NamedTuple

from sojourn.storage.statements import Statement

_NUMBERED = "SELECT ${question}::int AS q, n.* FROM {rows}"
_APART = "SELECT * FROM ({text}) s {kept_apart}"
_SETTING = "(SELECT set_config('sojourn.tenant', ${tenant}::varchar, true)::varchar AS x) t"


class OneMessage(NamedTuple):
    """A statement's text for one message, and the names of its parameters; the question's number comes last."""

    text: str
    names: tuple[str, ...]

    def values(self, parameters: dict[str, Any]) -> list[Any]:
        """The values of the parameters in the order of the text, without the question's number."""
        return [parameters[name] for name in self.names]


_KNOWN: dict[tuple[Statement, bool, bool], OneMessage] = {}
"""Statements are made when modules are imported, so they are few."""


def one_message(statement: Statement, *, one: bool, of_tenant: bool) -> OneMessage:
    """The text for a statement. `one`: its first row is enough. `of_tenant`: it reads a tenant's data."""
    key = (statement, one, of_tenant)
    known = _KNOWN.get(key)
    if known is None:
        known = _KNOWN[key] = _write(statement, one=one, of_tenant=of_tenant)
    return known


def _write(statement: Statement, *, one: bool, of_tenant: bool) -> OneMessage:
    text, names = statement.numbered()
    kept_apart = "LIMIT 1" if one else "OFFSET 0"
    if not of_tenant:
        return OneMessage(_NUMBERED.format(question=len(names) + 1, rows=f"({text}) n {kept_apart}"), names)
    if "tenant" not in names:
        names = (*names, "tenant")
    tenant = names.index("tenant") + 1
    held = re.sub(rf"\${tenant}::VARCHAR\b", "t.x", text)
    if re.search(rf"\${tenant}\b", held):
        raise ValueError(f"the tenant stands in a place that is no comparison with a text: {text}")
    rows = f"{_SETTING.format(tenant=tenant)} CROSS JOIN LATERAL ({_APART.format(text=held, kept_apart=kept_apart)}) n"
    return OneMessage(_NUMBERED.format(question=len(names) + 1, rows=rows), names)
