"""The run itself: all responses, and how much of the contract was exercised."""

from collections import Counter

from sojourn.conformance.checks import check
from sojourn.conformance.coverage import Measure, measure
from sojourn.conformance.schemas import answer_violations
from sojourn.conformance.wire import NO_ANSWER
from sojourn.conformance.world import World

MOST_EACH = 40
KEYWORDS_PERCENT = 95.0
_GIVEN = ("second_admin_token", "limited_api_key", "stranger_token", "short_lived_url")
_SOURCE = "conformance/README.md, coverage"


@check("RUN-001", "Every response of the whole run MUST be one that the contract documents.", source="the contract")
def test_every_answer_of_the_run_is_documented(world: World) -> None:
    looked: Counter[tuple[str, int]] = Counter()
    wrong: dict[str, None] = {}
    for exchange in world.traffic:
        operation, reply = exchange.operation, exchange.reply
        if operation is None or reply.status in (NO_ANSWER, 405):  # a 405 is of the path, not of an operation
            continue
        looked[operation.id, reply.status] += 1
        if looked[operation.id, reply.status] <= MOST_EACH:
            found = answer_violations(operation, reply)
            wrong |= {f"{operation.id} {reply.status}: {sentence}": None for sentence in found}
    assert not wrong, f"{len(wrong)}: " + "; ".join(list(wrong)[:10])


@check("RUN-002", "Every operation MUST have succeeded.", source=_SOURCE, profile="full", needs=_GIVEN)
def test_every_operation_was_exercised(world: World) -> None:
    assert_complete(measure(world.contract, world.traffic).measures["operations"])


@check("RUN-003", "Every parameter MUST have been accepted.", source=_SOURCE, profile="full", needs=_GIVEN)
def test_every_parameter_was_exercised(world: World) -> None:
    assert_complete(measure(world.contract, world.traffic).measures["parameters"])


@check(
    "RUN-004",
    "Every documented status MUST have occurred, except those listed as exceptions.",
    source=_SOURCE,
    profile="full",
    needs=_GIVEN,
)
def test_every_status_was_exercised(world: World) -> None:
    assert_complete(measure(world.contract, world.traffic).measures["statuses"])


@check("RUN-005", "Every link MUST have been followed.", source=_SOURCE, profile="full", needs=_GIVEN)
def test_every_link_was_exercised(world: World) -> None:
    assert_complete(measure(world.contract, world.traffic).measures["links"])


@check("RUN-006", "95 % of the schema keywords MUST have been exercised.", source=_SOURCE, profile="full", needs=_GIVEN)
def test_the_schema_keywords_were_exercised(world: World) -> None:
    found = measure(world.contract, world.traffic).measures["keywords"]
    missing = "; ".join(found.missing[:40])
    assert found.percent >= KEYWORDS_PERCENT, f"{found.percent:.1f} % of {found.wanted}: missing {missing}"


def assert_complete(found: Measure) -> None:
    """Nothing is missing but what is excused."""
    assert not found.missing, (
        f"{found.percent:.1f} % of {found.wanted} {found.name}: missing {', '.join(found.missing)}"
    )
