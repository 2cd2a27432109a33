"""What a device is known by, and that no tenant can be joined to another by it."""

from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.device_names import best_name, device_hash, fingerprint_id

texts = st.text(st.characters(exclude_categories=["Cs"]))
ORDER = ("device_fingerprint", "device_id", "user_agent")


@given(st.tuples(*[st.none() | texts] * 3))
def test_the_first_name_that_is_there_is_the_best(names: tuple[str | None, str | None, str | None]) -> None:
    there = [(kind, value) for kind, value in zip(ORDER, names, strict=True) if value is not None]

    assert best_name(names[0], names[1], user_agent=names[2]) == (there[0] if there else None)


@given(texts, texts)
def test_two_names_have_one_hash_only_when_they_are_one_name(one: str, other: str) -> None:
    assert (device_hash(one) == device_hash(other)) == (one == other)
    assert one not in device_hash(one) or len(one) < 8


@given(st.tuples(texts, texts), st.tuples(texts, texts))
def test_a_name_has_another_id_in_every_tenant(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (fingerprint_id(*one) == fingerprint_id(*other)) == (one == other)


@given(texts, texts, st.data())
def test_moving_the_border_between_tenant_and_name_gives_another_id(
    tenant: str, name: str, data: st.DataObject
) -> None:
    whole = tenant + name
    cut = data.draw(st.integers(0, len(whole)))

    assert (fingerprint_id(tenant, name) == fingerprint_id(whole[:cut], whole[cut:])) == (cut == len(tenant))


@given(texts, texts)
def test_an_id_has_a_form_of_its_own(tenant: str, name: str) -> None:
    found = fingerprint_id(tenant, name)

    assert found.startswith("fp_")
    assert len(found) == 29
    assert set(found[3:]) <= set("0123456789abcdef")
