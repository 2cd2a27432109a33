"""Strictness: what is wrong with a request is refused with a problem, never ignored, never an error of the server."""

from sojourn.conformance import probes
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import valid_request
from sojourn.conformance.probes import Rule
from sojourn.conformance.wire import NO_ANSWER
from sojourn.conformance.world import World

_STRICT = "the contract, Strictness"
_MOST = 5


def judge(rule: Rule, operation: Operation, *, world: World, fresh: bool = False) -> None:
    """Send every probe of a rule; all that were answered wrongly are told at once."""
    valid = valid_request(operation, world.first)
    found = list(rule(operation, valid))
    if not found:
        raise NotApplicable("the operation has none")
    wrong: list[str] = []
    for number, probe in enumerate(found):
        if fresh and number:
            probe = list(rule(operation, valid_request(operation, world.first)))[number]
        reply = world.send(probe.request)
        if reply.status not in probe.statuses:
            said = reply.status if reply.status != NO_ANSWER else "nothing"
            wrong.append(f"{probe.what}: answered {said}, wanted {' or '.join(map(str, probe.statuses))}")
        elif reply.status >= 400 and reply.media_type != "application/problem+json":
            wrong.append(f"{probe.what}: refused without a problem document")
        elif probe.field and operation.id != "list_all_sessions" and probe.field not in reply.text:
            wrong.append(f"{probe.what}: the problem does not name {probe.field}")
    assert not wrong, f"{len(wrong)} of {len(found)}: " + "; ".join(wrong[:_MOST])


@check("STR-001", "A number MUST be plain decimal digits within its range.", source=_STRICT)
def test_numbers_are_plain_digits_in_range(world: World, operation: Operation) -> None:
    judge(probes.integers, operation, world=world)


@check("STR-002", "A text parameter MUST have its length, form and one of its values.", source=_STRICT)
def test_text_parameters_have_their_form(world: World, operation: Operation) -> None:
    judge(probes.texts, operation, world=world)


@check("STR-003", "What may come once and comes twice MUST be refused.", source=_STRICT)
def test_what_comes_twice_is_refused(world: World, operation: Operation) -> None:
    judge(probes.repeated, operation, world=world)


@check("STR-004", "A parameter or member that is not declared MUST be refused.", source=_STRICT)
def test_what_is_not_declared_is_refused(world: World, operation: Operation) -> None:
    judge(probes.unknown, operation, world=world)


@check("STR-005", "What is required MUST be there and MUST NOT be null.", source=_STRICT)
def test_what_is_required_must_be_there(world: World, operation: Operation) -> None:
    judge(probes.required, operation, world=world)


@check("STR-006", "NUL, lone surrogates and invalid UTF-8 MUST be refused wherever they are.", source=_STRICT)
def test_broken_text_is_refused(world: World, operation: Operation) -> None:
    judge(probes.broken_text, operation, world=world)


@check("STR-007", "A member of the wrong type, length or form MUST be refused.", source=_STRICT)
def test_members_have_their_type_and_form(world: World, operation: Operation) -> None:
    judge(probes.members, operation, world=world)


@check("STR-008", "A body MUST be strict JSON (RFC 8259).", source=f"{_STRICT}; RFC 8259")
def test_a_body_is_strict_json(world: World, operation: Operation) -> None:
    judge(probes.json_text, operation, world=world)


@check("STR-009", "A body of another media type, charset or coding MUST be 415.", source="RFC 9110 section 15.5.16")
def test_a_body_is_of_the_declared_media_type(world: World, operation: Operation) -> None:
    judge(probes.content_types, operation, world=world)


@check("STR-010", "Other spellings of the same request MUST be accepted.", source="RFC 9110 sections 8.3.1 and 12.5.1")
def test_other_spellings_are_accepted(world: World, operation: Operation) -> None:
    judge(probes.spelling, operation, world=world, fresh=True)


@check("STR-011", "A body where none is declared MUST be refused.", source=_STRICT)
def test_a_body_that_is_not_declared_is_refused(world: World, operation: Operation) -> None:
    judge(probes.undeclared_body, operation, world=world)


@check("STR-012", "An `Accept` that excludes every form of the response MUST be 406.", source="RFC 9110 section 15.5.7")
def test_what_cannot_be_accepted_is_not_sent(world: World, operation: Operation) -> None:
    judge(probes.negotiation, operation, world=world)


@check(
    "STR-013",
    "More than the limits allow MUST be 413, 414 or 431.",
    source="RFC 9110 section 15.5; RFC 6585 section 5",
)
def test_too_much_is_told_as_such(world: World, operation: Operation) -> None:
    judge(probes.sizes, operation, world=world)
