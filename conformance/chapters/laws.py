"""Laws for every response of the run. They send no requests of their own, except a short tour when they run alone."""

from collections import Counter
from collections.abc import Callable, Iterable

from sojourn.conformance import histories, laws, token_laws
from sojourn.conformance.chapters.seed import reading_tour
from sojourn.conformance.checks import Profile, check
from sojourn.conformance.histories import latest_first
from sojourn.conformance.laws import Law, name_of
from sojourn.conformance.policies import SET, ruled
from sojourn.conformance.schemas import answer_violations
from sojourn.conformance.traffic import Exchange
from sojourn.conformance.wire import NO_ANSWER
from sojourn.conformance.world import World, expect

MOST_EACH = 40
MANY = 1_000
"""A limit of sessions that hinders nobody."""
FEW = 40
"""Exchanges below which a run is not worth judging: then a tour is made first."""


JUDGES: list[tuple[str, Profile, Callable[[World], None]]] = []
"""Each law by the id of its check, without the tour: judges what was asked already."""


def hold(world: World, law: Law) -> None:
    """Hold every answered exchange of the run to a law."""
    found = (
        f"{name_of(exchange)} {exchange.reply.status}: {said}"
        for exchange in world.traffic
        if exchange.reply.status != NO_ANSWER and not world.contract.is_of_another_standard(exchange.request)
        for said in law(exchange)
    )
    tell(found)


def tell(found: Iterable[str]) -> None:
    """Fail with the first complaints."""
    complaints = latest_first(found)
    assert not complaints, "; ".join(complaints)


def toured(world: World) -> World:
    """The world, after a tour when little was asked in it."""
    if len(world.traffic.exchanges) < FEW:
        (reading_tour if world.target.profile == "seed" else tour)(world)
    return world


def tour(world: World) -> None:
    """A user signs in, is shown by every list, is refused a few things, and signs out."""
    tenant = world.first
    user = world.new_user()
    facts = {"device_id": f"dev_{user}", "device_type": "tablet", "ip": "192.0.2.9", "user_agent": "conformance/1"}
    made, other = tenant.sign_in(user, amr=["password"], **facts), tenant.sign_in(user, **facts)
    expect(tenant.service("trust_device", body={"user_id": user, "device_fingerprint": f"sha256:{user}"}), 200)
    body = {"token": f"a-token-of-{user}", "token_type": "access", "user_id": user}
    expect(tenant.service("blacklist_token", body=body), 200)
    for _ in range(2):
        for operation in ("list_user_sessions", "check_user_active", "list_trusted_devices"):
            expect(tenant.service(operation, user_id=user), 200)
        for operation in ("list_tenant_sessions", "list_sessions_of_user", "list_tokens", "list_blacklisted_tokens"):
            expect(tenant.admin(operation, user_id=user), 200)
        for operation in ("get_session_stats", "list_all_sessions", "count_active_sessions"):
            expect(tenant.admin(operation), 200)
        expect(tenant.bearer(other.access, "get_session", session_id=other.id), 200)
        for token in (made.access, other.access):
            expect(tenant.service("validate_access_token", body={"access_token": token}), 200)
        tenant.admin("revoke_session", session_id=made.id)
    expect(tenant.admin("get_risk_score", session_id=made.id), 200)
    expect(tenant.service("get_revocations"), 200)
    expect(tenant.service("export_user_data", body={"user_id": user}), 200)
    expect(tenant.anyone("get_session_stats"), 401)
    expect(tenant.anyone("list_all_sessions"), 401)
    expect(tenant.anyone("list_user_sessions", user_id=user), 401)
    expect(tenant.bearer(other.access, "list_all_sessions"), 403)
    expect(tenant.admin("get_session", session_id="sess_nobody"), 404)
    if SET in world.contract.operations:
        with ruled(tenant, {"max_sessions": {"count": MANY}}):
            tenant.admin("get_session_policy")


@check(
    "LAW-001",
    "Every response of the run MUST have a documented status, media type and body.",
    source="the contract",
    profile="seed",
)
def test_every_answer_has_a_documented_form(world: World) -> None:
    judge_forms(toured(world))


def judge_forms(world: World) -> None:
    """Hold the answers to the contract; of each operation and status so many."""
    looked: Counter[tuple[str, int]] = Counter()

    def law(exchange: Exchange) -> Iterable[str]:
        if exchange.operation is None or exchange.reply.status == 405:  # a 405 is of the path
            return []
        key = (exchange.operation.id, exchange.reply.status)
        looked[key] += 1
        if looked[key] > MOST_EACH:
            return []
        return [line for line in answer_violations(exchange.operation, exchange.reply) if not _excused(exchange, line)]

    hold(world, law)  # type: ignore[arg-type]


def _excused(exchange: Exchange, line: str) -> bool:
    """Headers, and what a problem leaves out, are judged by the profiles that know more than the five pages."""
    return "header" in line or (exchange.reply.status >= 400 and "required property" in line)


JUDGES.append(("LAW-001", "seed", judge_forms))


def _of_an_exchange(
    identifier: str, requirement: str, *, source: str, law: Law, profile: Profile = "seed"
) -> Callable[[World], None]:
    """A check that holds every exchange to a law."""

    def judge(world: World) -> None:
        hold(toured(world), law)

    JUDGES.append((identifier, profile, lambda world: hold(world, law)))
    judge.__name__ = f"test_{law.__name__}"
    return check(identifier, requirement, source=source, profile=profile)(judge)


def _of_the_run(
    identifier: str,
    requirement: str,
    *,
    source: str,
    law: Callable[[Iterable[Exchange]], Iterable[str]],
    profile: Profile = "seed",
) -> Callable[[World], None]:
    """A check that holds the run as a whole to a law."""

    def judge(world: World) -> None:
        tell(law(toured(world).traffic))

    JUDGES.append((identifier, profile, lambda world: tell(law(world.traffic))))
    judge.__name__ = f"test_{law.__name__}"
    return check(identifier, requirement, source=source, profile=profile)(judge)


test_instants_are_utc = _of_an_exchange(
    "LAW-002",
    "An instant in a response MUST be in UTC and say so with `Z`.",
    source="the contract, schemas; RFC 3339 section 5.6",
    law=laws.instants_are_utc,
)
test_refusals_are_problems = _of_an_exchange(
    "LAW-003",
    "A refusal MUST be a problem document that tells of this request.",
    source="RFC 9457 section 3.1",
    law=laws.refusals_are_problems,
)
test_refused_callers_are_challenged = _of_an_exchange(
    "LAW-004",
    "A 401 MUST carry the challenge of the scheme that the operation asks for.",
    source="RFC 9110 section 11.6.1",
    law=laws.refused_callers_are_challenged,
)
test_pages_add_up = _of_an_exchange(
    "LAW-005",
    "The numbers of a page MUST agree with each other and with what was asked for.",
    source="the contract, PageInfo",
    law=laws.pages_add_up,
)
test_rows_are_what_was_asked_for = _of_an_exchange(
    "LAW-006",
    "The rows of a list MUST be those that were asked for, each once, the newest first.",
    source="the contract, lists",
    law=laws.rows_are_what_was_asked_for,
)
test_what_was_sent_is_told = _of_an_exchange(
    "LAW-007",
    "What a response says of the request's members MUST be what was sent.",
    source="the contract",
    law=laws.what_was_sent_is_told,
    profile="core",
)
test_what_is_named_is_told = _of_an_exchange(
    "LAW-018",
    "A response MUST be about the tenant that asked and about what the path names.",
    source="the contract, introduction",
    law=laws.what_is_named_is_told,
    profile="core",
)
test_what_a_token_says_is_told = _of_an_exchange(
    "LAW-016",
    "The claims that a response tells of a token MUST be the claims in it.",
    source="RFC 7519 section 4; the contract, validate_access_token",
    law=laws.what_a_token_says_is_told,
    profile="core",
)
test_numbers_add_up = _of_an_exchange(
    "LAW-008",
    "Counts, scores and times in one response MUST agree.",
    source="the contract",
    law=laws.numbers_add_up,
)
test_what_does_not_change = _of_the_run(
    "LAW-009",
    "What no operation changes of a session, device, token or entry MUST be the same in every response.",
    source="the contract, schemas",
    law=histories.what_does_not_change,
)
test_what_does_not_go_back = _of_the_run(
    "LAW-010",
    "A session that was shown as ended MUST stay so, and its last use MUST NOT become an earlier one.",
    source="the contract, status of a session",
    law=histories.what_does_not_go_back,
)
test_when_it_was_said = _of_the_run(
    "LAW-011",
    "An instant that says when a response was made MUST lie between its request and the response.",
    source="the contract, timestamp",
    law=histories.when_it_was_said,
)
test_what_names_an_exchange = _of_the_run(
    "LAW-012",
    "A request id MUST be the one that was given, and never one that was minted before.",
    source="the contract, X-Request-ID",
    law=histories.what_names_an_exchange,
    profile="core",
)
test_which_problem_it_is = _of_the_run(
    "LAW-013",
    "A `type` of problem MUST always have the same status, code and title.",
    source="RFC 9457 section 3.1",
    law=histories.which_problem_it_is,
    profile="core",
)


@check(
    "LAW-017",
    "A problem MUST have the status, code and `i18n_key` that the contract shows for its type.",
    source="the contract, examples of problems; RFC 9457 section 3.1",
    profile="core",
)
def test_a_problem_is_the_one_that_the_contract_shows(world: World) -> None:
    judge_problems(toured(world))


def judge_problems(world: World) -> None:
    """Hold the problems to the examples of the contract."""
    known = world.contract.problems

    def law(exchange: Exchange) -> Iterable[str]:
        problem = laws.document_of(exchange) if exchange.reply.status >= 400 else {}
        shown = known.get(str(problem.get("type")).rpartition("/")[2], {})
        return [
            f"{name} of {problem['type']} is {problem[name]!r}, the contract shows {value!r}"
            for name, value in shown.items()
            if name in problem and problem[name] != value
        ]

    hold(world, law)  # type: ignore[arg-type]


JUDGES.append(("LAW-017", "core", judge_problems))
test_what_a_tokens_end_does = _of_the_run(
    "LAW-014",
    "The end of a token MUST move with activity of its session only, only forwards, and never beyond its own `exp`.",
    source="the contract, list_tokens; RFC 7519 section 4.1.4",
    law=token_laws.what_a_tokens_end_does,
    profile="core",
)
test_how_versions_grow = _of_the_run(
    "LAW-019",
    "A version MUST grow by one with a change, and by nothing else.",
    source="the contract, set_session_policy",
    law=histories.how_versions_grow,
    profile="core",
)
test_what_has_happened = _of_the_run(
    "LAW-015",
    "What has happened according to a response MUST NOT lie after that response.",
    source="RFC 9110 section 6.6.1; the contract, schemas",
    law=histories.what_has_happened,
)
