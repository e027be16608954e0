"""Outcomes of one rollout, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqswe.agent import Usage
from seqswe.models.meter import MemoryUsage
from seqswe.plugins import installed, resolve
from seqswe.runs.outcomes import BUILT_IN
from seqswe.runs.registry import present
from seqswe.runs.rollout import Asked, Delivered, Failure, Rollout

GRADED = Rollout(
    arm="iid",
    seed=0,
    position=0,
    instance_id="i",
    key="k",
    resolved=True,
    ranking=("b.py", "a.py", "c.py"),
    gold_files=("a.py", "z.py"),
    edited_files=("c.py",),
    broken=2,
    usage=Usage(steps=4, executions=9, prompt_tokens=10, completion_tokens=5, cost_usd=0.25),
    recalled_bytes=7,
    delivered=Delivered(way="folder", used={"search": 2, "read": 1, "write": 0}),
    asked=Asked(budget=10, spent=4, answered={"file": 1}, files=("a.py",)),
    user_usage=Usage(prompt_tokens=6, completion_tokens=1, cost_usd=0.125),
    memory_bytes=70,
    memory_usage=MemoryUsage(calls=2, prompt_tokens=8, completion_tokens=3, cost_usd=0.5),
    timing={"agent": 1.5, "grade": 0.5, "processor": 0.75},
)


CASES = [
    ("resolved", 1.0),
    ("hit_at_1", 0.0),
    ("hit_at_3", 1.0),
    ("reciprocal_rank", 0.5),
    ("file_recall", 0.0),
    ("steps", 4.0),
    ("executions", 9.0),
    ("tokens", 15.0),
    ("cost", 0.25),
    ("memory_tokens", 11.0),
    ("memory_cost", 0.5),
    ("user_tokens", 7.0),
    ("user_cost", 0.125),
    ("processor_seconds", 0.75),
    ("seconds", 1.5),
    ("broken", 2.0),
    ("recalled_bytes", 7.0),
    ("memory_calls", 3.0),
    ("memory_bytes", 70.0),
    ("hints_spent", 4.0),
    ("hint_score", 0.6),
    ("ask_precision", 0.0),
    ("ask_recall", 0.5),
]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_every_outcome_has_a_known_value(name: str, value: float) -> None:
    assert BUILT_IN[name].of(GRADED) == value


def test_every_outcome_that_ships_is_in_the_table_above_and_registered() -> None:
    assert {name for name, _ in CASES} == set(BUILT_IN)
    for name, outcome in BUILT_IN.items():
        assert resolve("outcome", name) is outcome
    assert set(BUILT_IN) <= set(installed("outcome"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_without_a_verdict_everything_is_missing(name: str) -> None:
    broke = replace(GRADED, resolved=None, failure=Failure(cause="sandbox_failed"))
    assert BUILT_IN[name].of(broke) is None


def test_an_agent_that_ranks_nothing_is_judged_by_its_edits() -> None:
    edited = replace(GRADED, ranking=(), edited_files=("a.py",))
    assert BUILT_IN["reciprocal_rank"].of(edited) == 1.0
    assert BUILT_IN["file_recall"].of(edited) == 0.5


def test_naming_nothing_finds_nothing_and_no_gold_file_means_no_outcome() -> None:
    silent = replace(GRADED, ranking=(), edited_files=())
    assert BUILT_IN["reciprocal_rank"].of(silent) == 0.0
    assert BUILT_IN["hit_at_3"].of(silent) == 0.0
    assert BUILT_IN["reciprocal_rank"].of(replace(GRADED, gold_files=())) is None
    assert BUILT_IN["file_recall"].of(replace(GRADED, gold_files=())) is None


@pytest.mark.parametrize("cost", [None, float("nan"), float("inf")])
def test_an_unknown_cost_is_missing_and_never_zero(cost: float | None) -> None:
    assert BUILT_IN["cost"].of(replace(GRADED, usage=Usage(cost_usd=cost))) is None


def test_time_by_the_clock_is_told_and_only_processor_time_is_compared() -> None:
    assert BUILT_IN["seconds"].better == "neither"
    assert BUILT_IN["processor_seconds"].better == "lower"
    assert BUILT_IN["seconds"].of(replace(GRADED, timing={"total": 9.0, "agent": 5.0})) == 5.0
    assert BUILT_IN["seconds"].of(replace(GRADED, timing={})) is None


def test_only_what_somebody_reports_is_present() -> None:
    silent = replace(
        GRADED, ranking=(), edited_files=(), usage=Usage(), recalled_bytes=0, memory_bytes=0,
        broken=0, timing={}, delivered=None, memory_usage=MemoryUsage(), asked=None,
        user_usage=None,
    )  # fmt: skip
    assert [o.name for o in present([silent])] == ["resolved"]
    assert {o.name for o in present([silent, GRADED])} == set(BUILT_IN)
    assert present([]) == ()
    ignored = replace(silent, delivered=Delivered(way="folder", used={"search": 0}))
    assert [o.name for o in present([ignored])] == ["resolved", "memory_calls"]
