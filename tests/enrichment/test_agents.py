"""User-Agent texts: what they tell, for the agents people use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.enrichment.agents import NOTHING, AgentFacts, describe_agent

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "facts"),
    [
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/123.0.0.0 Safari/537.36",
            AgentFacts("Chrome 123", "Windows 10", "desktop"),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.4 Safari/605.1.15",
            AgentFacts("Safari 17", "macOS 10.15", "desktop"),
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
            AgentFacts("Firefox 124", "Ubuntu", "desktop"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.4 Mobile/15E148 Safari/604.1",
            AgentFacts("Mobile Safari 17", "iOS 17", "mobile"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/123.0.0.0 Mobile Safari/537.36",
            AgentFacts("Chrome Mobile 123", "Android 14", "mobile"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14; SM-X710) {WEBKIT} Chrome/123.0.0.0 Safari/537.36",
            AgentFacts("Chrome 123", "Android 14", "tablet"),
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.4 Mobile/15E148 Safari/604.1",
            AgentFacts("Mobile Safari 17", "iOS 17", "tablet"),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            AgentFacts("Googlebot 2", None, "bot"),
        ),
        ("curl/8.5.0", AgentFacts("curl 8", None, None)),
        ("Mozilla/5.0", NOTHING),
        ("", NOTHING),
        ("  ", NOTHING),
    ],
)
def test_an_agent_tells_its_browser_system_and_kind(user_agent: str, facts: AgentFacts) -> None:
    assert describe_agent(user_agent) == facts


@given(st.text(st.characters()))
def test_no_text_is_an_error_and_no_fact_is_long(user_agent: str) -> None:
    facts = describe_agent(user_agent)

    assert len(facts.browser or "") <= 64
    assert len(facts.os or "") <= 64


def test_a_long_agent_is_read_from_its_beginning() -> None:
    assert describe_agent("curl/8.5.0 " + "x" * 100_000).browser == "curl 8"
