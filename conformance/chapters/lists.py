"""Every list in every combination of its filters and page sizes: each page is a piece of the whole, nothing else.

The lists, their filters and the values of these come from the contract. A list that lies for one size only, on one page
only, or with one filter only, is found by asking for many.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from sojourn.conformance.chapters.pagination import LISTS, devices, entries, sessions
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import authorised
from sojourn.conformance.world import Tenant, World, expect

SIZES = (1, 2, 3, 4, 5, 6, 10, 20, 25, 50, 99)
LARGEST = 100
READINGS = 6
"""How often a list that looks wrong is read again, at most, because it changed while its pages were read."""
MEMBERS = {"type": "token_type", "auth_user_id": "user_id"}
"""Filters that are called otherwise than the member that they are about."""
Filter = dict[str, str]


def fill(tenant: Tenant, user: str) -> None:
    """Several of everything that is listed: sessions active and over, tokens, devices, refused texts."""
    for make in (sessions, devices, entries):
        for _ in range(4):
            make(tenant, user)
    for _ in range(3):
        expect(tenant.admin("revoke_session", session_id=tenant.sign_in(user).id), 204)
        sessions(tenant, user)


def filters(operation: Operation, user: str) -> Iterator[Filter]:
    """Each combination of the list's filters: each left out, or with each of its values."""
    choices: list[list[tuple[str, str] | None]] = []
    for parameter in operation.named("query"):
        name, schema = parameter["name"], parameter["schema"]
        values = schema.get("enum", [user] if name in ("user_id", "auth_user_id") else [])
        if values:
            choices.append([*((name, value) for value in values), *([] if parameter.get("required") else [None])])
    for chosen in itertools.product(*choices):
        yield dict(pair for pair in chosen if pair is not None)


class Listing:
    """A list of one tenant, asked with its credentials."""

    def __init__(self, world: World, operation: Operation, *, tenant: Tenant, user: str) -> None:
        self._world, self._operation, self._tenant, self._user = world, operation, tenant, user

    def page(self, *, number: int, size: int, by: Filter) -> Any:
        """One page."""
        known = {"page": number, "page_size": size, **by}
        named = {**known, **{f"?{name}": value for name, value in known.items()}}
        request = self._operation.request({"X-Tenant-ID": self._tenant.id, "user_id": self._user, **named})
        return expect(self._world.send(authorised(self._operation, self._tenant, request=request)), 200).json

    def violations(self, by: Filter, *, of_user: Filter) -> list[str]:
        """What is wrong with the list under a filter, page size by page size.

        Rows may expire while pages are read. So what looks wrong is judged again where a second reading of the whole
        differs from the first.
        """
        found: list[str] = []
        for _ in range(READINGS):
            before = self._wholes(by, of_user)
            found = list(self._compared(by, before[0], everything=before[1]))
            if not found or self._wholes(by, of_user) == before:
                break
        return found

    def _wholes(self, by: Filter, of_user: Filter) -> tuple[Any, Any]:
        """The largest page under the filter, and that of all rows of the user where the filter names the user."""
        first = self.page(number=1, size=LARGEST, by=by)
        return first, self.page(number=1, size=LARGEST, by=of_user) if of_user.items() <= by.items() else None

    def _compared(self, by: Filter, first: Any, *, everything: Any) -> Iterator[str]:
        """The pages of every size beside the largest one, and this beside the rows of the user."""
        whole, total = first["items"], first["total"]
        said = ", ".join(f"{name}={value}" for name, value in by.items()) or "no filter"
        if everything is not None:
            rows = everything["items"]
            wanted = [row for row in rows if all(row.get(MEMBERS.get(name, name)) == by[name] for name in by)]
            if whole != wanted:
                yield f"{said}: {len(whole)} rows, {len(wanted)} of all rows fit"
        for size in SIZES:
            for number in range(1, min(4, -(-len(whole) // size)) + 1):
                if number * size > LARGEST < total:
                    break  # of the whole no more is known
                page = self.page(number=number, size=size, by=by)
                piece = whole[(number - 1) * size : number * size]
                if page["items"] != piece:
                    yield f"{said}: page {number} of {size} is another piece than of the whole"
                if page["total"] != total:
                    yield f"{said}: total is {page['total']} on page {number} of {size}, and {total} on a large one"


@check(
    "LST-001",
    "A page of a list MUST be its piece of the whole, and a filter MUST leave just the rows that fit, for every "
    "combination of filters and every page size.",
    source="the contract, Lists",
)
def test_every_page_is_its_piece_of_the_whole(world: World, operation: Operation) -> None:
    if operation.id not in LISTS:
        raise NotApplicable("it is no list with pages and a user")
    for tenant in (world.first, world.second):
        if tenant is None:
            continue
        user = world.new_user()
        for name in (user, f"{user}.x", user.upper()):
            fill(tenant, name)
        listing = Listing(world, operation, tenant=tenant, user=user)
        found: list[str] = []
        every = list(filters(operation, user))
        of_user: Filter = {name: user for name in ("user_id", "auth_user_id") if name in every[0]}
        for by in every:
            found += listing.violations(by, of_user=of_user)
        assert not found, f"{tenant.id}: {len(found)}: {'; '.join(found[:5])}"
