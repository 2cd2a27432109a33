"""First tokens: what a sign-in gets works in every view, and a session has one first pair."""

from typing import Any

from sojourn.conformance.chapters.oauth import introspected
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.world import SignIn, Tenant, World, expect


def views(tenant: Tenant, made: SignIn) -> dict[str, Any]:
    """What each view of the service says of the first access token of a sign-in: whether it is good, and whose."""
    said = expect(tenant.service("validate_access_token", body={"access_token": made.access}), 200).json
    told = expect(tenant.admin("introspect_token", body={"token": made.access}), 200).json
    found = {
        "validate_access_token": (said["valid"], said.get("claims", {}).get("sub")),
        "introspect_token": (told["active"], told.get("sub")),
        "get_session": (tenant.bearer(made.access, "get_session", session_id=made.id).status == 200, made.user),
    }
    if "introspect_oauth_token" in tenant.world.contract.forms:
        form = introspected(tenant, made.access)
        found["introspect_oauth_token"] = (form.get("active"), form.get("sub"))
    return found


@check(
    "FTK-001",
    "A first pair MUST be good in every view at once, for its user, and MUST be listed and refreshable.",
    source="the contract, create_session, validate_access_token, introspect_token, list_tokens and refresh_tokens",
    profile="full",
)
def test_the_first_pair_is_good_in_every_view(world: World) -> None:
    tenant = world.first
    for facts in ({}, {"app_id": "judge", "device_type": "mobile"}):
        made = tenant.sign_in(**facts)
        wrong = {name: said for name, said in views(tenant, made).items() if said != (True, made.user)}
        assert wrong == {}, f"just signed in, and {wrong}"
        listed = expect(tenant.admin("list_tokens", user_id=made.user), 200).json["items"]
        rows = sorted((item["token_type"], item["status"]) for item in listed)
        assert rows == [("access", "active"), ("refresh", "active")], f"the list of tokens has {rows} of a new user"
        pair = expect(tenant.refresh(made.refresh), 200).json
        assert tenant.is_good(pair["access_token"]), "the pair after the first one is refused"


@check(
    "FTK-002",
    "A session that has a first pair MUST keep it and MUST NOT get another (409); for a stranger's it MUST be 404.",
    source="the contract, generate_first_tokens",
    profile="full",
    feature="import",
    needs=("second_admin_token",),
)
def test_a_session_has_one_first_pair(world: World) -> None:
    if "generate_first_tokens" not in world.contract.left_out:
        raise NotApplicable("the contract has no first tokens of imported sessions")
    tenant, made, theirs = world.first, world.first.sign_in(), world.twin.sign_in()
    for _ in range(2):
        expect(tenant.service("generate_first_tokens", session_id=made.id), 409)
    assert set(views(tenant, made).values()) == {(True, made.user)}, "its own pair is refused since"
    pair = expect(tenant.refresh(made.refresh), 200).json
    assert tenant.is_good(pair["access_token"]), "its own pair can no longer be refreshed"
    expect(tenant.service("generate_first_tokens", session_id=theirs.id), 404)
    assert world.twin.is_good(theirs.access), "a stranger's token is refused since"
    expect(tenant.service("revoke_session_as_service", session_id=made.id), 204)
    expect(tenant.service("generate_first_tokens", session_id=made.id), 404)
