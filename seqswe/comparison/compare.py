"""Did it get worse? Two runs over the same tasks, one of three findings, and a gate on it.

A run may be added to after a look at the results: each look is then tested at its own level, and
the levels of all looks together stay within the one promised (union bound).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from seqswe.analysis.arms import complete_tasks, started
from seqswe.arms import is_diagnostic, is_probe
from seqswe.comparison.baseline import KEPT, Baseline, check_crashes
from seqswe.errors import UsageError
from seqswe.experiment import Experiment
from seqswe.outcome import Outcome
from seqswe.renamed import with_new_names
from seqswe.runs.outcomes import RECIPROCAL_RANK, RESOLVED
from seqswe.runs.registry import registry
from seqswe.runs.scored import SCORE
from seqswe.statistics import EQUIVALENCE_MARGIN, Estimate, LiftVerdict, Word, judge, two_way
from seqswe.statistics.arrays import FloatArray

ALPHA = 0.05
SAME = {"codebase": "codebase", "feedback": "feedback policy", "code_policy": "code policy"}
"""Settings that must not differ: the runs would not have been asked the same."""
AGENT = "agent"
"""Must not differ either, unless agents are what is compared."""
NOT_TOLD = frozenset({"jobs", "retries", "crashes", "seeds", "arm", "limit", *SAME})
FailOn = Literal["never", "regression", "inconclusive"]


class Finding(StrEnum):
    """What a comparison of two versions can find."""

    REGRESSION = "regression"
    NO_EVIDENCE = "no evidence"
    IMPROVEMENT = "improvement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: which arm and outcome ('' to choose), how sure, how often looked at."""

    arm: str = ""
    outcome: str = ""
    margin: float = EQUIVALENCE_MARGIN
    once: bool = False
    """Whether this is declared the only look, so that the whole level is spent on it."""
    across_agents: bool = False
    """Whether different agents are compared on purpose."""
    allow_crashes: bool = False
    """Whether rollouts whose agent crashed count as unresolved, instead of being refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One arm's outcome, head − base, paired by instance."""

    arm: str
    outcome: Outcome
    base: float
    head: float
    estimate: Estimate
    verdict: LiftVerdict
    missing: int

    @property
    def finding(self) -> Finding:
        """Regression or improvement where the sign is sure and tested, else no evidence."""
        if self.estimate.p is None:
            return Finding.NO_EVIDENCE
        findings = {Word.LEARNING: Finding.IMPROVEMENT, Word.HARM: Finding.REGRESSION}
        return findings.get(self.verdict.word, Finding.NO_EVIDENCE)

    @property
    def equivalent(self) -> bool:
        """Whether the whole interval lies within the margin."""
        return self.verdict.word is Word.EQUIVALENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The answer: the gated change first, then the same outcome in the other arms."""

    main: Change
    others: tuple[Change, ...]
    look: int
    """1 for runs as they were begun; one more for each time that one was added to."""
    level: float
    differences: Mapping[str, tuple[Any, Any]]
    """Settings that differ, (base, head): what is being compared."""
    identical: bool
    """Whether both sides hold the very same outcomes."""
    synthetic: bool

    def fails(self, fail_on: FailOn) -> bool:
        """Whether a gate set to `fail_on` closes; `inconclusive` closes on regressions too."""
        if fail_on == "never":
            return False
        if self.main.finding is Finding.REGRESSION:
            return True
        sure = self.main.finding is Finding.IMPROVEMENT or self.main.equivalent or self.identical
        return fail_on == "inconclusive" and not sure


def compare(base: Baseline, head: Baseline, question: Question | None = None) -> Comparison:
    """Compare two runs over the same tasks.

    Raises UsageError for different sequences, policies or agents, an arm or outcome that one side
    lacks, an outcome that is not installed, crashed agents, or fewer than two tasks that both
    sides have.
    """
    asked = question or Question()
    if not asked.allow_crashes:
        check_crashes(base)
        check_crashes(head)
    _check_same(base, head, across_agents=asked.across_agents)
    arms = [arm for arm in head.arms if arm in base.arms]
    arm = _arm(asked.arm, arms)
    outcome = _outcome(asked.outcome, (base, head), arm)
    look = 1 + sum(side.looks - 1 for side in (base, head))
    # 1/2 + 1/6 + 1/12 + … = 1: however many looks there will be, they share one ALPHA.
    level = 1.0 - (ALPHA if asked.once else ALPHA / (look * (look + 1)))
    changes = {
        name: _change(name, outcome, (base, head), level, asked.margin)
        for name in arms
        if (name == arm or not is_probe(name))
        and outcome.name in base.arms[name]
        and outcome.name in head.arms[name]
    }
    return Comparison(
        main=changes.pop(arm),
        others=tuple(changes.values()),
        look=look,
        level=level,
        differences=_differences(base, head),
        identical=_comparable(base, head) == _comparable(head, base),
        synthetic=base.synthetic or head.synthetic,
    )


def change_of(
    base: FloatArray, head: FloatArray, level: float, outcome: Outcome, margin: float
) -> tuple[Estimate, LiftVerdict]:
    """The 2W estimate of head − base, both (tasks, seeds) and both clustered by run; its verdict.

    REGRESSION and IMPROVEMENT follow the outcome's better direction.
    """
    estimate = two_way(head, base, baseline_carries=True, level=level)
    sign = 1.0 if outcome.better == "higher" else -1.0
    # Both readings share one interval; an outcome without a margin has no word for "equal".
    judged = two_way(sign * head, sign * base, baseline_carries=True, level=level)
    return estimate, judge(judged, margin=margin if outcome.kind == "share" else 0.0)


def _change(
    arm: str, outcome: Outcome, sides: tuple[Baseline, Baseline], level: float, margin: float
) -> Change:
    base, head = (side.values(arm, outcome.name) for side in sides)
    kept = complete_tasks(base, head)
    if kept.sum() < 2:
        raise UsageError(
            f"fewer than two tasks have {outcome.name} in {arm} on both sides",
            "Compare another --outcome, or longer runs.",
        )
    y0, y1 = started(base)[kept], started(head)[kept]
    estimate, verdict = change_of(y0, y1, level, outcome, margin)
    return Change(
        arm=arm,
        outcome=outcome,
        base=float(y0.mean()),
        head=float(y1.mean()),
        estimate=estimate,
        verdict=verdict,
        missing=int(len(kept) - kept.sum()),
    )


def _check_same(base: Baseline, head: Baseline, *, across_agents: bool) -> None:
    before, after = _settings(base), _settings(head)
    for name, setting in SAME.items():
        old, new = before[name], after[name]
        if old != new:
            raise UsageError(
                f"the runs differ in their {setting}: {old!r} and {new!r}",
                "Compare runs that were asked the same; repeat one of them.",
            )
    old, new = base.settings.get(AGENT), head.settings.get(AGENT)
    if old != new and not across_agents:
        raise UsageError(
            f"the runs are of different agents: {old!r} and {new!r}",
            "Repeat one of them, or compare agents on purpose with --across-agents.",
        )
    if base.sequence_digest != head.sequence_digest or base.instance_ids != head.instance_ids:
        shared = len(set(base.instance_ids) & set(head.instance_ids))
        raise UsageError(
            f"the runs are over different sequences ({len(base.instance_ids)} and "
            f"{len(head.instance_ids)} tasks, {shared} of them the same by name)",
            "Pairing needs the same instances in the same order; repeat one of the runs.",
        )


def _arm(wanted: str, arms: list[str]) -> str:
    if wanted and wanted not in arms:
        raise UsageError(
            f"there is no arm {wanted!r} in both runs", f"In both: {', '.join(arms) or 'none'}."
        )
    if not arms:
        raise UsageError("the runs have no arm in common", "Run the same --arm in both.")
    usual = "sequential" if "sequential" in arms else arms[0]
    return wanted or usual


def _outcome(wanted: str, sides: tuple[Baseline, Baseline], arm: str) -> Outcome:
    shared = [name for name in sides[0].arms[arm] if name in sides[1].arms[arm]]
    if SCORE.name in shared and wanted in ("", SCORE.name):
        return SCORE
    if wanted:
        if wanted not in shared:
            raise UsageError(
                f"there is no outcome {wanted!r} in both runs", f"In both: {', '.join(shared)}."
            )
        return _installed(wanted)
    headline_arms = [(side, a) for side in sides for a in side.arms if not is_diagnostic(a)]
    some = any((side.values(a, "resolved") > 0).any() for side, a in headline_arms)
    # The same choice as the report's: an agent that only points at files resolves nothing.
    ranked = RECIPROCAL_RANK.name in shared and not some
    return RECIPROCAL_RANK if ranked else RESOLVED


def _installed(name: str) -> Outcome:
    known = registry()
    if name in known.outcomes:
        return known.outcomes[name]
    if name in known.refused:
        raise known.refused[name]
    raise UsageError(
        f"both sides hold the outcome {name!r}, but no package here says what it means",
        "Install the one that registers it under seqswe.outcome.",
    )


def _comparable(side: Baseline, other: Baseline) -> dict[str, dict[str, Any]]:
    """The outcomes of one side, without those of a package that only this side had installed."""
    return {
        arm: {
            name: values
            for name, values in outcomes.items()
            if name in KEPT or name in other.arms.get(arm, ())
        }
        for arm, outcomes in side.arms.items()
    }


def _differences(base: Baseline, head: Baseline) -> dict[str, tuple[Any, Any]]:
    old, new = _settings(base), _settings(head)
    names = [name for name in {**old, **new} if name not in NOT_TOLD]
    pairs = {name: (old.get(name), new.get(name)) for name in names}
    pairs["seqswe"] = (base.seqswe, head.seqswe)
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _settings(side: Baseline) -> dict[str, Any]:
    """The settings by today's names. One that its version did not have yet was at its default."""
    return {**Experiment().as_dict(), **with_new_names(side.settings)}
