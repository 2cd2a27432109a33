"""The circumstances in which an operation may be asked, from the contract alone: by whom, of which tenant, with what.

A server that treats one of them unlike the others is found only by asking in each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import authorised, values_for
from sojourn.conformance.wire import Raw
from sojourn.conformance.world import Tenant, World

FIRST_PAGE, LATER_PAGE = "1", "2"


@dataclass(frozen=True, slots=True)
class Context:
    """A request with its credentials that the operation may answer with success, and what is special about it."""

    name: str
    request: Raw
    tenant: Tenant


def tenants_for(operation: Operation, world: World) -> Iterator[Tenant]:
    """The tenants to ask for: one where the operation is public, or where no credentials for a second were given."""
    yield world.first
    if operation.scheme is not None and world.second is not None:
        yield world.second


def contexts(operation: Operation, world: World) -> Iterator[Context]:
    """The operation as each tenant's service or administrator, with each optional parameter alone, and as a user.

    What the requests name was just created. The second tenant is left out where no credentials for it were given.
    """
    for tenant in tenants_for(operation, world):
        values = values_for(operation, tenant)
        plain = authorised(operation, tenant, request=operation.request(values))
        yield Context(f"for {tenant.id}", plain, tenant)
        if tenant is world.first:
            for name, value in optional_values(operation, values):
                yield Context(f"with {name}={value}", plain.with_query(name, value), tenant)
        if operation.scheme == "http" and not operation.roles:
            asked = plain.with_header("Authorization", user_of(tenant, values))
            yield Context(f"for a user of {tenant.id}", asked, tenant)


def optional_values(operation: Operation, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each optional query parameter with a value that it may have; of a page number a later one, too."""
    given = dict(operation.request(values, optional=True).query)
    for parameter in operation.named("query"):
        name = parameter["name"]
        if parameter.get("required") or name not in given:
            continue
        yield name, given[name]
        if name == "page" and given[name] == FIRST_PAGE:
            yield name, LATER_PAGE


def user_of(tenant: Tenant, values: dict[str, Any]) -> str:
    """What the user whose session a request names sends as `Authorization`; the user signs in where there is none."""
    access = values.get("access_token") or tenant.sign_in(values["user_id"]).access
    return f"Bearer {access}"
