"""A chain of records: whatever was changed, removed, moved or added is found."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sojourn.storage.audit_chain import BEFORE_THE_FIRST, Record, canonical, faults, hash_of, head_of

Chain = list[dict[str, Any]]


def chain(length: int) -> Chain:
    """A whole chain of acme's."""
    found: Chain = []
    for position in range(1, length + 1):
        previous = found[-1]["hash"] if found else BEFORE_THE_FIRST
        document = Record(
            tenant_id="acme",
            position=position,
            previous=previous,
            id=f"aud_{position}",
            at="2026-04-15T08:00:00.000Z",
            actor_kind="admin",
            actor_id="psd_1",
            action="sessions.ended",
            target=None,
            before=None,
            after={"sessions": position},
            request_id="req_1",
        ).document()
        found.append({**document, "hash": hash_of(document)})
    return found


def end(records: Chain) -> list[dict[str, Any]]:
    return [head_of("acme", records[-1]["position"], last_hash=records[-1]["hash"])]


lengths = st.integers(2, 12)


@given(lengths)
def test_a_whole_chain_has_no_fault(length: int) -> None:
    records = chain(length)

    assert list(faults("acme", records, heads=end(records))) == []


@given(lengths, st.data())
def test_a_change_of_any_member_is_found(length: int, data: st.DataObject) -> None:
    records = chain(length)
    signed = end(records)
    place = data.draw(st.integers(0, length - 1))
    name = data.draw(st.sampled_from(sorted(records[place])))
    other: Any = records[place][name] + 1 if name == "position" else {"changed": True}
    records[place] = {**records[place], name: "0" * 64 if name in ("hash", "previous") else other}

    assert list(faults("acme", records, heads=signed))


@given(lengths, st.data())
def test_a_change_with_a_new_hash_is_found(length: int, data: st.DataObject) -> None:
    records = chain(length)
    signed = end(records)
    place = data.draw(st.integers(0, length - 1))
    changed = {**records[place], "action": "nothing.happened"}
    records[place] = {**changed, "hash": hash_of(changed)}

    assert list(faults("acme", records, heads=signed))


@given(lengths, st.data())
def test_a_record_that_was_removed_is_found_wherever_it_stood(length: int, data: st.DataObject) -> None:
    records = chain(length)
    signed = end(records)
    del records[data.draw(st.integers(0, length - 1))]

    assert list(faults("acme", records, heads=signed))


@given(lengths, st.data())
def test_two_records_that_were_swapped_are_found(length: int, data: st.DataObject) -> None:
    records = chain(length)
    signed = end(records)
    first, second = data.draw(st.lists(st.integers(0, length - 1), min_size=2, max_size=2, unique=True))
    records[first], records[second] = records[second], records[first]

    assert list(faults("acme", records, heads=signed))


@given(lengths, st.integers(1, 3))
def test_records_behind_the_signed_end_are_found_though_they_chain(length: int, more: int) -> None:
    records = chain(length + more)

    assert list(faults("acme", records, heads=end(records[:length]))) == [
        f"acme: {more} records stand behind the signed end"
    ]


def test_a_chain_that_was_cut_with_its_end_is_found_against_an_earlier_end() -> None:
    records = chain(5)

    assert list(faults("acme", records[:3], heads=[*end(records[:3]), *end(records)])) == [
        "acme: record 5 is not the one that was signed"
    ]


def test_numbers_that_json_cannot_carry_are_a_change_and_no_crash() -> None:
    records = chain(2)
    records[1] = {**records[1], "after": {"sessions": 2**60}}

    assert "acme: record 2 was changed" in list(faults("acme", records, heads=end(chain(2))))


def test_the_hashed_text_is_that_of_the_standard() -> None:
    assert canonical({"b": 1, "a": "é", "€": None}) == '{"a":"é","b":1,"€":null}'.encode()
