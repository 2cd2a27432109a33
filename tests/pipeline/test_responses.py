"""Answers are held against the contract without a false alarm, and without letting a broken one pass."""

import ipaddress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.domain.clock import day_of, to_text
from sojourn.domain.ids import uuid7
from sojourn.pipeline import formats
from sojourn.pipeline.responses import CHECKED_NATIVELY, BrokenPromise, Responses

INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bound is naive
ADDRESS_TEXT = st.text("0123456789abcdefABCDEF:.%", max_size=45)
ADDRESSES = st.one_of(st.ip_addresses().map(str), st.ip_addresses(v=6).map(lambda ip: ip.exploded), ADDRESS_TEXT)


def _accepts(name: str, text: str) -> bool:
    schema = {"type": "string", "format": name}
    answers = Responses({"200": {"content": {"application/json": {"schema": {"properties": {"it": schema}}}}}}, True)
    try:
        answers.check(200, "application/json", value={"it": text})
    except BrokenPromise:
        return False
    return True


@given(INSTANTS)
def test_what_this_program_writes_is_what_the_formats_promise(instant: datetime) -> None:
    assert _accepts("date-time", to_text(instant))
    assert _accepts("date", day_of(instant))
    assert _accepts("uuid", uuid7(instant))


@settings(max_examples=500)
@given(ADDRESSES)
def test_addresses_that_a_request_may_hold_are_the_ones_an_answer_may_hold(text: str) -> None:
    assert _accepts("ipv4", text) == formats.is_ipv4(text)
    assert _accepts("ipv6", text) == formats.is_ipv6(text)


@pytest.mark.parametrize("text", ["::1", "1:2:3:4:5:6:7::", "::ffff:192.0.2.1", "fe80::1%eth0", "1::2::3"])
def test_addresses_at_the_edges_are_read_alike(text: str) -> None:
    assert _accepts("ipv6", text) == formats.is_ipv6(text)


@pytest.mark.parametrize("name", sorted(CHECKED_NATIVELY))
def test_a_format_that_is_broken_in_an_answer_is_noticed(name: str) -> None:
    assert not _accepts(name, "nonsense")


@pytest.mark.parametrize(
    ("status", "media_type", "value"),
    [
        (200, "text/html", {}),
        (418, "application/json", {}),
        (200, None, None),
        (200, "application/json", {"it": "x", "undeclared": 1}),
    ],
)
def test_what_the_contract_does_not_declare_breaks_its_promise(status: int, media_type: str | None, value: Any) -> None:
    schema = {"type": "object", "properties": {"it": {"type": "string"}}}
    answers = Responses({"200": {"content": {"application/json": {"schema": schema}}}}, closed=True)

    with pytest.raises(BrokenPromise):
        answers.check(status, media_type, value=value)


def test_what_is_logged_of_a_broken_promise_holds_no_value() -> None:
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "string", "maxLength": 3}}}}
    answers = Responses({"200": {"content": {"application/json": {"schema": schema}}}}, closed=True)

    with pytest.raises(BrokenPromise) as broken:
        answers.check(200, "application/json", value={"items": ["ok", "the secret of somebody"]})

    assert "secret" not in str(broken.value)
    assert str(broken.value).startswith("items/1 breaks ")


def test_exploded_addresses_are_addresses() -> None:
    assert _accepts("ipv6", ipaddress.ip_address("::1").exploded)
