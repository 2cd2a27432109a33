"""Every list in every combination of its filters and page sizes: each page is a piece of the whole, nothing else.

The lists, their filters and the values of these come from the contract. A list that lies for one size only, on one page
only, or with one filter only, is found by asking for many.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
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
NO_FILTERS = ("sort", "count")
"""Parameters with an enumeration that say something else than which rows there are."""
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
        if name in NO_FILTERS:
            continue
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

    def violations(self, by: Filter, *, of_user: Filter) -> Iterator[str]:
        """What is wrong with the list under a filter, page size by page size.

        Rows may expire while pages are read. So what looks wrong is judged again where the whole is another by then.
        """
        said = ", ".join(f"{name}={value}" for name, value in by.items()) or "no filter"
        whole = self.whole(by)
        for compare in self._comparisons(by, of_user, rows=len(whole["items"])):
            found = list(compare(whole))
            for _ in range(READINGS):
                if not found or (again := self.whole(by)) == whole:
                    break
                whole = again
                found = list(compare(whole))
            yield from (f"{said}: {sentence}" for sentence in found)

    def whole(self, by: Filter) -> Any:
        """The largest page under a filter."""
        return self.page(number=1, size=LARGEST, by=by)

    def _comparisons(self, by: Filter, of_user: Filter, *, rows: int) -> Iterator[Callable[[Any], Iterator[str]]]:
        """What the whole is compared with: the rows of the user where the filter names the user, and each page."""
        if of_user.items() <= by.items() and not self._shows_others(by):
            yield functools.partial(self._unfiltered, by=by, of_user=of_user)
        for size in SIZES:
            for number in range(1, min(4, -(-rows // size)) + 1):
                yield functools.partial(self._unlike_its_piece, by=by, number=number, size=size)

    def _shows_others(self, by: Filter) -> bool:
        """Whether a filter shows rows that the list without it leaves out: it has a default, and is another."""
        schemas = {parameter["name"]: parameter["schema"] for parameter in self._operation.named("query")}
        return any(schemas[name].get("default", value) != value for name, value in by.items())

    def _unfiltered(self, whole: Any, by: Filter, *, of_user: Filter) -> Iterator[str]:
        """The list beside the rows of the user that fit the filter."""
        rows = self.whole(of_user)["items"]
        wanted = [row for row in rows if all(row.get(MEMBERS.get(name, name)) == by[name] for name in by)]
        if whole["items"] != wanted:
            yield f"{len(whole['items'])} rows, {len(wanted)} of all rows fit"

    def _unlike_its_piece(self, whole: Any, by: Filter, *, number: int, size: int) -> Iterator[str]:
        """A page beside its piece of the whole."""
        if number * size > LARGEST < whole["total"]:
            return  # of the whole no more is known
        page = self.page(number=number, size=size, by=by)
        if page["items"] != whole["items"][(number - 1) * size : number * size]:
            yield f"page {number} of {size} is another piece than of the whole"
        if page["total"] != whole["total"]:
            yield f"total is {page['total']} on page {number} of {size}, and {whole['total']} on a large one"


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
