"""Trace context and request ids: continued when well-formed, begun anew when not, never an error."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.observability.tracing import continue_trace, request_id

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
NOW = datetime(2026, 4, 15, 8, tzinfo=UTC)


def test_a_trace_is_continued_with_a_span_of_our_own() -> None:
    trace = continue_trace(f"00-{TRACE}-{SPAN}-01")

    assert (trace.trace_id, trace.parent_id, trace.sampled) == (TRACE, SPAN, True)
    assert trace.span_id != SPAN


def test_a_later_version_may_say_more() -> None:
    assert continue_trace(f"01-{TRACE}-{SPAN}-00-more").trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE[:-1]}-{SPAN}-01",
    ],
)
def test_a_malformed_header_is_ignored(header: str | None) -> None:
    trace = continue_trace(header)

    assert trace.parent_id is None
    assert trace.trace_id != TRACE


@given(st.one_of(st.none(), st.text()))
def test_ids_are_always_well_formed(header: str | None) -> None:
    trace = continue_trace(header)

    assert re.fullmatch("[0-9a-f]{32}", trace.trace_id)
    assert re.fullmatch("[0-9a-f]{16}", trace.span_id)


@pytest.mark.parametrize("sent", ["abc", "req_1", "~" * 128, "a=b;c"])
def test_a_well_formed_request_id_is_echoed(sent: str) -> None:
    assert request_id(sent, NOW) == sent


@pytest.mark.parametrize("sent", [None, "", "a b", "x" * 129, "a\r\nSet-Cookie: x", "é", "\x7f"])
def test_any_other_request_id_is_replaced(sent: str | None) -> None:
    assert re.fullmatch(r"req_[0-9a-f-]{36}", request_id(sent, NOW))
