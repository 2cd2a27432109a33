"""Identifiers sort by time, are read back as they were written, and secrets are kept as hashes only."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import assume, example, given
from hypothesis import strategies as st

from sojourn.domain import ids
from sojourn.domain.clock import from_text, to_text

instants = st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive
uuids = instants.map(ids.uuid7)


@given(instants)
def test_an_id_is_a_uuid_of_version_7_and_names_its_millisecond(now: datetime) -> None:
    found = UUID(ids.uuid7(now))

    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert str(found) == str(found).lower()
    assert found.int >> 80 == (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(instants, instants)
def test_ids_sort_like_the_milliseconds_they_were_minted_in(one: datetime, other: datetime) -> None:
    assume(to_text(one) != to_text(other))

    assert (ids.uuid7(one) < ids.uuid7(other)) == (one < other)
    assert (ids.mint("tok", one) < ids.mint("tok", other)) == (one < other)


@given(instants, instants)
@example(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
def test_the_first_id_of_an_instant_parts_earlier_ids_from_later_ones(border: datetime, minted: datetime) -> None:
    border = from_text(to_text(border))

    assert (ids.first_uuid7(to_text(border)) <= ids.uuid7(minted)) == (border <= from_text(to_text(minted)))


@given(uuids)
def test_a_public_session_id_is_read_back(key: str) -> None:
    assert ids.session_key(ids.session_id(key)) == key


@given(st.text() | uuids.map(str.upper) | uuids.map(lambda key: "sess_" + key.upper()) | uuids)
def test_only_an_id_of_ours_has_a_key(text: str) -> None:
    key = ids.session_key(text)

    assert key is None or ids.session_id(key) == text


@given(uuids, st.sampled_from(["\n", " ", "\x00", "0", "sess_"]))
def test_nothing_may_stand_before_or_after_an_id(key: str, more: str) -> None:
    assert ids.session_key(ids.session_id(key) + more) is None
    assert ids.session_key(more + ids.session_id(key)) is None


@given(st.text(), st.integers(0, 10))
def test_the_key_of_a_user_is_stable_and_every_json_reader_takes_it(user_id: str, attempt: int) -> None:
    key = ids.user_key(user_id, attempt)

    assert 0 <= key < 2**53
    assert key == ids.user_key(user_id, attempt) != ids.user_key(user_id, attempt + 1)


@given(st.lists(st.text(), min_size=2, max_size=30, unique=True))
def test_users_have_keys_of_their_own(users: list[str]) -> None:
    assert len({ids.user_key(user) for user in users}) == len(users)


def test_secrets_have_256_bits_and_never_repeat() -> None:
    minted = {ids.mint_secret() for _ in range(1000)}

    assert len(minted) == 1000
    assert {len(secret) for secret in minted} == {43}
    assert all(secret.replace("-", "").replace("_", "").isalnum() for secret in minted)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_secrets_are_the_same_exactly_when_their_texts_are(one: str, other: str) -> None:
    assert ids.same_secret(one, one)
    assert ids.same_secret(one, other) == (one == other)
    assert ids.same_secret(ids.hash_secret(one), ids.hash_secret(other)) == (one == other)
    assert len(ids.hash_secret(one)) == 64
