"""Procedures as functions of the server: a whole transaction is one message.

A function is written from the statements of its procedure, and its name ends in a hash of its text: releases side by
side each call their own. `sojourn migrate` makes those that are missing and drops those of other releases; a process
whose functions are not there runs the statements one by one.

Row security holds a function as it holds its caller. Each statement in it sees what was committed when it begins, as in
any transaction of READ COMMITTED.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from sojourn.storage.procedures import SHARD, TENANT, Procedure, Step
from sojourn.storage.queries.procedures import ALL

NOT_NOW = -1
"""Another transaction holds one of the names alone, and the call was not to wait."""

_PREFIX = "sojourn_do_"
_OURS = (
    "SELECT oid::regprocedure::text, proname FROM pg_proc"
    " WHERE proname LIKE 'sojourn\\_do\\_%' AND pg_function_is_visible(oid)"
)
_CAST = re.compile(r"\$(\d+)::(TIMESTAMP WITH TIME ZONE|[A-Z]+)")
_NUMBER = re.compile(r"\$(\d+)")
_LOCK = """
    PERFORM set_config('sojourn.tenant', $1, true);
    IF $3 THEN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended(name, 0)) FROM unnest($2) name;
    ELSIF NOT (SELECT coalesce(bool_and(pg_try_advisory_xact_lock_shared(hashtextextended(name, 0))), true)
               FROM unnest($2) name) THEN
        RETURN -1;
    END IF;"""
_LOCK_ALONE = """
    IF $3 THEN
        PERFORM pg_advisory_xact_lock(hashtextextended($4, 0));
    ELSIF NOT pg_try_advisory_xact_lock(hashtextextended($4, 0)) THEN
        RETURN -1;
    END IF;"""
"""Where the procedure has a name to be alone under: it comes first behind what every function has."""
_FIRST = {TENANT: "varchar", " beside": "text[]", " wait": "boolean"}
"""The parameters of every function, in their order: the tenant, the names to be beside, whether to wait for them."""


class Function:
    """A procedure as the server knows it."""

    def __init__(self, procedure: Procedure) -> None:
        self.procedure = procedure
        alone = {} if procedure.alone is None else {procedure.alone: "varchar"}
        locks = _LOCK + _LOCK_ALONE if alone else _LOCK
        self._types: dict[str, str] = _FIRST | alone
        body = "".join(self._step(number, step) for number, step in enumerate(procedure.steps))
        self._names = list(self._types)[len(_FIRST) :]
        arguments = ", ".join(self._types.values())
        text = (
            f"({arguments}) RETURNS integer LANGUAGE plpgsql AS $procedure$\nBEGIN{locks}{body}"
            f"\n    RETURN {procedure.passed};\nEND $procedure$"
        )
        self.name = f"{_PREFIX}{procedure.name}_{sha256(text.encode()).hexdigest()[:12]}"
        self.definition = f"CREATE FUNCTION {self.name}{text}"

    @cached_property
    def call(self) -> str:
        """The statement that calls it."""
        return f"SELECT {self.name}({', '.join(f'${number}' for number in range(1, len(self._types) + 1))})"

    def values(
        self, parameters: Mapping[str, Any], beside: tuple[str, ...], *, shard: int, wait: bool
    ) -> tuple[Any, ...]:
        """The values of the parameters of a call. `wait`: for those that hold a name of `beside` alone."""
        given = {**parameters, SHARD: shard}
        return (parameters[TENANT], list(beside), wait, *(given[name] for name in self._names))

    def _step(self, number: int, step: Step) -> str:
        """A statement in the function's body; where its row must be there, the end without it."""
        text, names = step.statement.numbered()
        types = {int(at): kind for at, kind in _CAST.findall(text)}
        places = {}
        for at, name in enumerate(names, 1):
            own = step.name_of(name)
            kind = types[at].lower()
            if self._types.setdefault(own, kind) != kind:
                raise ValueError(f"{self.procedure.name}: {own} is {self._types[own]} and {kind}")
            places[at] = list(self._types).index(own) + 1
        text = _NUMBER.sub(lambda found: f"${places[int(found[1])]}", text)
        run = f"PERFORM * FROM ({text}) found" if step.statement.only_reads else text
        ending = f"\n    IF NOT FOUND THEN RETURN {number}; END IF;" if step.must else ""
        return f"\n    {run};{ending}"


FUNCTIONS = {procedure: Function(procedure) for procedure in ALL}


async def functions_here(connection: Any) -> set[str]:
    """The names of the functions that the database has. None are used where a transaction is not READ COMMITTED."""
    if await connection.fetchval("SELECT current_setting('default_transaction_isolation')") != "read committed":
        return set()
    return {name for _, name in await connection.fetch(_OURS)}


def install(connection: Connection, *, usable: bool) -> None:
    """Make the functions of this release that are missing, and drop those of others; where none is `usable`, all."""
    wanted = {function.name: function.definition for function in FUNCTIONS.values()} if usable else {}
    there = {name: signature for signature, name in connection.exec_driver_sql(_OURS)}
    for name in there.keys() - wanted.keys():
        connection.exec_driver_sql(f"DROP FUNCTION {there[name]}")
    for name in wanted.keys() - there.keys():
        connection.exec_driver_sql(wanted[name])
