"""Scores: bounded, monotone in every count of the evidence, and explained by their factors."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.risk import (
    RULES,
    Evidence,
    RiskThresholds,
    average,
    counting,
    factors,
    level,
    recommended_action,
    score,
    worst,
)

COUNTS = tuple(asdict(Evidence()))
DOCUMENT = Path(__file__).parents[2] / "docs" / "risk.md"
THRESHOLDS = RiskThresholds(50, 80)
evidences = st.builds(Evidence, **{name: st.integers(0, 40) for name in COUNTS})


@given(evidences)
def test_a_score_is_bounded_and_the_sum_of_its_factors(evidence: Evidence) -> None:
    parts = factors(evidence)

    assert all(0 <= part.score <= part.weight <= 100 for part in parts)
    assert score(parts) == min(100, sum(part.score for part in parts)) == score(counting(parts))


@given(evidences, st.sampled_from(COUNTS), st.integers(1, 40))
def test_more_evidence_never_lowers_a_score_or_a_factor(evidence: Evidence, name: str, more: int) -> None:
    before = factors(evidence)
    after = factors(replace(evidence, **{name: getattr(evidence, name) + more}))

    assert score(after) >= score(before)
    assert all(new.score >= old.score for new, old in zip(after, before, strict=True))


@pytest.mark.parametrize("name", COUNTS)
def test_every_count_of_the_evidence_has_one_factor(name: str) -> None:
    counted = counting(factors(replace(Evidence(), **{name: 40})))

    assert len(counted) == 1
    assert counted[0].score == counted[0].weight


def test_without_evidence_nothing_counts() -> None:
    assert counting(factors(Evidence())) == ()
    assert score(factors(Evidence())) == 0


def test_factors_are_sorted_by_weight_and_have_distinct_names() -> None:
    weights = [rule.weight for rule in RULES]

    assert weights == sorted(weights, reverse=True)
    assert len({rule.type for rule in RULES}) == len(RULES) == len(COUNTS)


@given(st.lists(evidences, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_sessions_means_nothing_to_a_device_or_a_tenant(sessions: list[Evidence], chance: object) -> None:
    groups = [factors(evidence) for evidence in sessions]
    mixed = list(groups)
    chance.shuffle(mixed)  # type: ignore[attr-defined]

    assert worst(mixed) == worst(groups)
    assert average(mixed) == average(groups)


@given(st.lists(evidences, min_size=1, max_size=6))
def test_a_mean_lies_between_nothing_and_the_worst(sessions: list[Evidence]) -> None:
    groups = [factors(evidence) for evidence in sessions]

    for mean, most, own in zip(average(groups), worst(groups), factors(Evidence()), strict=True):
        assert 0 <= mean.score <= most.score <= mean.weight == own.weight
        assert (mean.score == 0) == (most.score == 0)


def test_no_session_at_all_is_no_risk() -> None:
    assert score(average([])) == score(worst([])) == 0


@pytest.mark.parametrize(
    ("points", "named", "action"),
    [
        (0, "low", "allow"),
        (49, "low", "allow"),
        (50, "medium", "challenge"),
        (79, "medium", "challenge"),
        (80, "high", "revoke"),
        (100, "high", "revoke"),
    ],
)
def test_a_threshold_is_reached_at_its_own_value(points: int, named: str, action: str) -> None:
    assert (level(points, THRESHOLDS), recommended_action(points, THRESHOLDS)) == (named, action)


@pytest.mark.parametrize(("challenge", "revoke"), [(0, 80), (80, 80), (81, 80), (50, 101)])
def test_thresholds_that_contradict_each_other_are_refused(challenge: int, revoke: int) -> None:
    with pytest.raises(ValueError, match="challenge < revoke"):
        RiskThresholds(challenge, revoke)


def test_every_factor_is_documented_with_its_weight_and_its_steps() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.*?) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    assert [(name, int(weight)) for name, weight, _ in rows] == [(rule.type, rule.weight) for rule in RULES]
    for rule, (_, _, sentence) in zip(RULES, rows, strict=True):
        assert {str(points) for _, points in rule.steps} <= set(re.findall(r"\d+", sentence)), rule.type
