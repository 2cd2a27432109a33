"""Pagination laws: the pages together are the whole, nothing twice, and nothing lost while others come."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contexts import tenants_for
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import authorised, listed, values_for
from sojourn.conformance.paging import page_violations
from sojourn.conformance.wire import Raw
from sojourn.conformance.world import Tenant, World, expect

_PAGING = "the contract, Lists; schema PageInfo"
MANY = 7
Page = Callable[..., Any]
"""Takes `page` and `page_size`, answers the document."""


def sessions(tenant: Tenant, user: str) -> None:
    """A session of the user."""
    tenant.sign_in(user)


def devices(tenant: Tenant, user: str) -> None:
    """A device that the user trusts."""
    body = {"user_id": user, "device_fingerprint": f"sha256:{tenant.world.new_user()}"}
    expect(tenant.service("trust_device", body=body), 200)


def entries(tenant: Tenant, user: str) -> None:
    """A refused token of the user."""
    body = {"token": f"a-token-{tenant.world.new_user()}", "token_type": "access", "user_id": user}
    expect(tenant.service("blacklist_token", body=body), 200)


LISTS: dict[str, tuple[str, str, Callable[[Tenant, str], None]]] = {
    "list_user_sessions": ("service", "user_id", sessions),
    "list_tenant_sessions": ("admin", "user_id", sessions),
    "list_own_sessions": ("admin", "auth_user_id", sessions),
    "list_sessions_of_user": ("admin", "user_id", sessions),
    "list_trusted_devices": ("service", "user_id", devices),
    "list_user_trusted_devices": ("admin", "user_id", devices),
    "list_tokens": ("admin", "user_id", sessions),
    "list_blacklisted_tokens": ("admin", "user_id", entries),
}
every_list = pytest.mark.parametrize("listing", LISTS)


def filled(world: World, listing: str, *, many: int = MANY) -> tuple[Page, Callable[[], None]]:
    """The list of a user who has so many of what it lists, and the way to make one more."""
    caller, name, make = LISTS[listing]
    user = world.new_user()
    for _ in range(many):
        make(world.first, user)

    def page(**known: Any) -> Any:
        return expect(getattr(world.first, caller)(listing, **{name: user}, **known), 200).json

    return page, lambda: make(world.first, user)


def walk(page: Page, size: int) -> Iterator[Any]:
    """Every page in turn."""
    number = 1
    while True:
        answer = page(page=number, page_size=size)
        yield answer
        if not answer["pagination"]["has_next"] or number > 100:
            return
        number += 1


def ids(answers: Any) -> list[str]:
    """The ids of the items of all the answers, in order."""
    return [item["id"] for answer in answers for item in answer["items"]]


@check("PAG-001", "The pages of a list together MUST be the whole list, in its order, nothing twice.", source=_PAGING)
@every_list
def test_the_pages_together_are_the_whole(world: World, listing: str) -> None:
    page, _ = filled(world, listing)
    whole = ids([page(page=1, page_size=100)])
    assert len(whole) == len(set(whole)) >= MANY, f"{len(whole)} items, {len(set(whole))} different"
    for size in (1, world.random.randint(2, MANY - 1), len(whole)):
        assert ids(walk(page, size)) == whole, f"pages of {size} are not the whole list"


@check("PAG-002", "The numbers of every page MUST agree: total, pages, next, previous, how many items.", source=_PAGING)
@every_list
def test_the_numbers_of_every_page_agree(world: World, listing: str) -> None:
    page, _ = filled(world, listing)
    for size in (2, MANY, MANY + 1):
        for number in (1, 2, 3, 4, 5):
            found = page_violations(page(page=number, page_size=size))
            assert not found, f"page {number} of {size}: {found}"


@check("PAG-003", "A page past the end MUST be an empty list, not an error.", source=_PAGING)
@every_list
def test_a_page_past_the_end_is_empty(world: World, listing: str) -> None:
    page, _ = filled(world, listing, many=1)
    for number in (1000, 2147483647):
        answer = page(page=number, page_size=100)
        assert answer["items"] == [], f"page {number} has items"
        assert answer["total"] >= 1, "its total forgets what is on other pages"


@check("PAG-004", "A list MUST have its newest item first.", source=_PAGING)
@every_list
def test_the_newest_comes_first(world: World, listing: str) -> None:
    page, one_more = filled(world, listing, many=2)
    before = ids([page()])
    one_more()
    after = page()["items"]
    times = [item["created_at"] for item in after]
    assert times == sorted(times, reverse=True), f"in the order {times}"
    assert after[0]["id"] not in before, "the new one is not first"


@check("PAG-005", "What was there when a walk began MUST be met by it, although more comes meanwhile.", source=_PAGING)
@every_list
def test_a_walk_loses_nothing_while_more_comes(world: World, listing: str) -> None:
    page, one_more = filled(world, listing)
    before = ids([page(page=1, page_size=100)])
    seen: list[str] = []
    for number, answer in enumerate(walk(page, 2)):
        seen += ids([answer])
        if number < 2:
            one_more()
    lost = set(before) - set(seen)
    assert not lost, f"{len(lost)} of {len(before)} items were never shown"
    kept = [item for item in dict.fromkeys(seen) if item in before]
    assert kept == before, "the order changed"


@check("PAG-006", "Without paging parameters a list MUST show page 1 of the documented size.", source=_PAGING)
@every_list
def test_the_documented_defaults_hold(world: World, listing: str) -> None:
    page, _ = filled(world, listing, many=1)
    sizes = {item["name"]: item["schema"] for item in world.operation(listing).named("query")}
    info = page()["pagination"]
    assert info["page"] == sizes["page"]["default"], f"page {info['page']}"
    assert info["page_size"] == sizes["page_size"]["default"], f"page_size {info['page_size']}"
    largest = sizes["page_size"]["maximum"]
    assert page(page_size=largest)["pagination"]["page_size"] == largest, "the largest size is not honoured"


@check(
    "PAG-007",
    "Walking all sessions with `limit` and `cursor` MUST meet each once, whatever comes meanwhile.",
    source="the contract, list_all_sessions",
)
def test_all_sessions_are_walked_with_limit_and_cursor(world: World) -> None:
    mine = [world.first.sign_in().id.removeprefix("sess_") for _ in range(MANY)]
    known: dict[str, Any] = {"limit": 3}
    seen: list[str] = []
    while len(seen) < 10_000:
        answer = expect(world.first.admin("list_all_sessions", **known), 200).json
        rows = [row["session_id"] for row in answer["sessions"]]
        seen += rows
        assert len(rows) <= 3, f"{len(rows)} rows with a limit of 3"
        assert answer["total"] >= len(mine), f"total is {answer['total']}"
        if not rows or set(mine) <= set(seen):
            break
        known["cursor"] = rows[-1]
        if len(seen) == 3:
            world.first.sign_in()
    assert len(seen) == len(set(seen)), "a session was met twice"
    assert [item for item in seen if item in mine] == mine[::-1], "some are missing, or not newest first"


@check(
    "PAG-008",
    "A filter MUST be honoured: nothing else is listed, and nothing that fits is missing.",
    source=_PAGING,
)
def test_filters_are_honoured(world: World) -> None:
    user = world.new_user()
    made, over = world.first.sign_in(user), world.first.sign_in(user)
    world.first.sign_in()
    expect(world.first.admin("revoke_session", session_id=over.id), 204)
    for status, wanted in (("active", made.id), ("revoked", over.id)):
        found = ids([expect(world.first.admin("list_tenant_sessions", user_id=user, status=status), 200).json])
        assert found == [wanted], f"status={status} finds {found}"
    for kind in ("access", "refresh"):
        items = expect(world.first.admin("list_tokens", user_id=user, type=kind), 200).json["items"]
        assert items, f"no {kind} token of the user"
        assert {(item["token_type"], item["user_id"]) for item in items} == {(kind, user)}, f"type={kind} is ignored"


GROWS = ("list_events",)
"""Lists that grow while they are read: EVT-002 walks them."""
A_PAGE, A_LARGE_ONE, MOST_PAGES = 2, 500, 12
"""Rows of a small page and of a large one, and so many small pages are walked of a long list."""
TRIES = 3
"""How often a list is walked again that has changed meanwhile."""


@check(
    "PAG-009",
    "Small pages MUST hold what a large one holds, each row once, and each MUST say whether there is more.",
    source="the contract, the parameter `after` and the members `has_more` and `next_cursor`",
    profile="full",
)
def test_small_pages_hold_what_a_large_one_holds(world: World, operation: Operation) -> None:
    names = {parameter["name"] for parameter in operation.named("query")}
    if not {"after", "limit"} <= names or operation.is_stream or operation.id in GROWS or world.target.parallel > 1:
        raise NotApplicable("no list of rows behind others, or others change it meanwhile")
    for tenant in tenants_for(operation, world):
        listed(operation, tenant, many=2 * A_PAGE)
        values = values_for(operation, tenant)
        values.pop("after", None)
        request = authorised(operation, tenant, request=operation.request(values))
        for size in (A_PAGE, A_PAGE, A_PAGE + 1):
            wrong = _in_pages(world, request, size=size)
            assert not wrong, f"{tenant.id}, pages of {size}: {wrong[0]}"


def _in_pages(world: World, request: Raw, *, size: int) -> list[str]:
    """What small pages say otherwise than a large one, which is the same before and after them."""
    for _ in range(TRIES):
        whole = _rows(_page(world, request, limit=A_LARGE_ONE))
        wrong = list(_unlike(world, request, whole=whole, size=size))
        if _rows(_page(world, request, limit=A_LARGE_ONE)) == whole:
            return wrong
    raise NotApplicable("the list is another one each time: nothing can be said of its pages")


def _unlike(world: World, request: Raw, *, whole: list[Any], size: int) -> Iterator[str]:
    seen: list[Any] = []
    for _ in range(MOST_PAGES):
        page = _page(world, request, limit=size)
        seen += _rows(page)
        more = len(seen) < len(whole)
        if seen != whole[: len(seen)]:
            yield f"they hold {seen[-2 * size :]} up to row {len(seen)}, a large one another row"
        if page["has_more"] is not more:
            yield f"has_more is {page['has_more']} after {len(seen)} of {len(whole)} rows"
        if not more:
            return
        if len(page["items"]) != size:
            yield f"{len(page['items'])} rows on a page"
            return
        request = request.with_query("after", page["next_cursor"])


def _page(world: World, request: Raw, *, limit: int) -> Any:
    return expect(world.send(request.with_query("limit", str(limit))), 200).json


def _rows(page: Any) -> list[Any]:
    """The rows of a page by their names."""
    return [row.get("id", row.get("client_id", row)) for row in page["items"]]
