"""The protocol of outcomes: what is a number, what is missing, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqswe.analysis import words
from seqswe.outcome import MAX_AMOUNT, Outcome, amount, share
from seqswe.reports.chart_base import axis_title
from tests.seqswe.conftest import failed, rollout

GRADED = rollout()


def of(value: object) -> Outcome:
    return amount("things", "Things", "things per task", lambda _: value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -1, 2 * MAX_AMOUNT, "three", [1.0, 2.0]]
)
def test_what_cannot_be_an_amount_is_missing_and_a_fault(value: object) -> None:
    assert of(value).of(GRADED) is None
    assert of(value).fault(GRADED)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_missing(value: float) -> None:
    assert share("part", "Part", lambda _: value).of(GRADED) is None


def test_a_measure_that_raises_is_missing_and_says_why() -> None:
    broken = amount("things", "Things", "things per task", lambda r: {}["no such key"])
    assert broken.of(GRADED) is None
    assert not broken.is_reported(GRADED)
    assert broken.fault(GRADED) == "KeyError: 'no such key'"


def test_reported_may_raise_as_well() -> None:
    broken = replace(of(3), reported=lambda _: 1 // 0)
    assert not broken.is_reported(GRADED)
    assert broken.of(GRADED) == 3.0
    assert "ZeroDivisionError" in broken.fault(GRADED)


def test_a_number_that_a_rollout_does_not_have_is_no_fault() -> None:
    assert of(None).of(GRADED) is None
    assert of(None).fault(GRADED) == ""


def test_without_a_verdict_there_is_no_outcome_but_the_number_is_there() -> None:
    assert of(3).of(failed(GRADED)) is None
    assert of(3).measured(failed(GRADED)) == 3.0


def test_a_counter_at_zero_reports_nothing_and_a_share_of_zero_does() -> None:
    assert not of(0).is_reported(GRADED)
    assert of(1).is_reported(GRADED)
    assert share("part", "Part", lambda _: 0.0).is_reported(GRADED)
    assert not share("part", "Part", lambda _: None).is_reported(GRADED)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Things"),
        ("name", "=1+1"),
        ("name", ""),
        ("kind", "rank"),
        ("better", "more"),
        ("title", None),
        ("unit", " "),
        ("percent", True),
    ],
)
def test_an_outcome_that_says_nothing_sensible_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"one of|snake_case|no share|text for"):
        replace(of(3), **{field: value})


def test_a_label_is_short() -> None:
    assert share("part", "Part: of the whole", lambda _: 0.5).short == "Part"
    assert share("part", "Part of the whole", lambda _: 0.5, label="Part").short == "Part"


@pytest.mark.parametrize(
    ("outcome", "shown", "changed", "axis"),
    [
        (share("part", "Part", lambda _: 0.5), "25.0 %", "+25.0 points", "Part (% of tasks)"),
        (share("rank", "Rank", lambda _: 0.5, percent=False), "0.250", "+0.250", "Rank"),
        (of(3), "0.25", "+0.25", "Things (things per task)"),
    ],
    ids=["percent", "plain share", "amount"],
)
def test_an_outcome_says_how_it_is_read(
    outcome: Outcome, shown: str, changed: str, axis: str
) -> None:
    assert words.value(outcome, 0.25) == shown
    assert words.difference(outcome, 0.25) == changed
    assert axis_title(outcome) == axis
