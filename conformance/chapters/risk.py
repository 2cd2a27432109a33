"""Risk: a score is explained by its factors, is the same while nothing happens, and changes nothing itself."""

from sojourn.conformance.checks import check
from sojourn.conformance.world import World, expect

_RISK = "the contract, get_risk_score; docs/risk.md"


@check("RSK-001", "A score MUST be between 0 and 100 and explained by its factors.", source=_RISK, feature="risk")
def test_a_score_is_explained(world: World) -> None:
    user = world.new_user()
    world.first.sign_in(user, device_id="dev_1", ip="192.0.2.1", amr=["password", "totp"])
    made = world.first.sign_in(user, device_id="dev_2", ip="203.0.113.9", amr=["password"])
    told = expect(world.first.admin("get_risk_score", session_id=made.id), 200).json
    assert 0 <= told["risk_score"] <= 100, f"the score is {told['risk_score']}"
    assert told["session_id"] == made.id, f"it is of {told['session_id']}"
    assert all(0 <= factor["score"] <= factor["weight"] for factor in told["factors"]), f"factors {told['factors']}"
    assert bool(told["factors"]) or told["risk_score"] == 0, "a score without a factor"


@check(
    "RSK-002",
    "A score MUST stay the same while nothing happens, and asking MUST change nothing.",
    source=_RISK,
    feature="risk",
)
def test_asking_for_a_score_changes_nothing(world: World) -> None:
    made = world.first.sign_in()
    told = [expect(world.first.admin("get_risk_score", session_id=made.id), 200).json for _ in range(2)]
    assert told[0]["risk_score"] == told[1]["risk_score"], "the score moved"
    assert world.first.status_of(made.id) == "active", "asking ended the session"


@check("RSK-003", "An unknown session or device MUST be 404.", source=_RISK, feature="risk")
def test_an_unknown_session_has_no_score(world: World) -> None:
    expect(world.first.admin("get_risk_score", session_id="sess_nobody"), 404)
    expect(world.first.admin("get_device_fingerprint", session_id="sess_nobody"), 404)
    expect(world.first.admin("get_device_risk", device_id=f"dev_{world.new_user()}"), 404)


@check("RSK-004", "A replayed refresh token MUST make the user's sessions riskier.", source=_RISK, feature="risk")
def test_a_replayed_token_is_a_risk(world: World) -> None:
    user = world.new_user()
    other = world.first.sign_in(user)
    before = expect(world.first.admin("get_risk_score", session_id=other.id), 200).json["risk_score"]
    made = world.first.sign_in(user)
    second = expect(world.first.refresh(made.refresh), 200).json
    expect(world.first.refresh(second["refresh_token"]), 200)
    expect(world.first.refresh(made.refresh), 401)
    after = expect(world.first.admin("get_risk_score", session_id=other.id), 200).json["risk_score"]
    assert after > before, f"the score stays {after}"


@check(
    "RSK-005",
    "The risk of a device MUST count its sessions.",
    source="the contract, get_device_risk; docs/risk.md",
    feature="risk",
)
def test_the_risk_of_a_device_counts_its_sessions(world: World) -> None:
    device = f"dev_{world.new_user()}"
    over, _ = (world.first.sign_in(device_id=device) for _ in range(2))
    expect(world.first.admin("revoke_session", session_id=over.id), 204)
    told = expect(world.first.admin("get_device_risk", device_id=device), 200).json
    counted = (told["total_sessions"], told["active_sessions"], told["revoked_sessions"])
    assert counted == (2, 1, 1), f"total, active, revoked are {counted}"
