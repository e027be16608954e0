"""Did it get worse? Two runs over the same tasks, one of three findings, and a gate on it.

A run may be added to after a look at the results, or begun anew with other seeds: each look is then
tested at its own level, and the levels of all looks together stay within the one promised (union
bound). A baseline file keeps the looks that were taken with it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from seqswe.analysis.coupling import is_coupled
from seqswe.arms import is_diagnostic, is_probe
from seqswe.comparison.baseline import KEPT, Baseline, Look
from seqswe.comparison.crashes import Crashes, NoVerdict, check_crashes
from seqswe.comparison.flips import Flips, flips
from seqswe.errors import CrashedError, IncompleteError, StoppedError, UsageError
from seqswe.experiment import Experiment
from seqswe.outcome import Outcome
from seqswe.renamed import with_new_names
from seqswe.runs.outcomes import RECIPROCAL_RANK, RESOLVED
from seqswe.runs.registry import registry
from seqswe.runs.scored import SCORE
from seqswe.statistics import (
    EQUIVALENCE_MARGIN,
    Estimate,
    LiftVerdict,
    Word,
    alpha_of_look,
    drop_missing,
    judge,
    power_of,
    share_difference,
    shared_tasks,
    two_way,
)
from seqswe.statistics.arrays import FloatArray, task_means
from seqswe.statistics.twoway import mirrored

ALPHA = 0.05
"""Level of all looks together, and of the one look that `once` promises."""
DROP = 0.10
"""The change of a share whose chance to be found is told beside the finding."""
SAME = {"codebase": "codebase", "feedback": "feedback policy", "code_policy": "code policy"}
"""Settings that must not differ: the runs would not have been asked the same."""
AGENT = "agent"
"""Must not differ either, unless agents are what is compared."""
NOT_TOLD = frozenset({"jobs", "retries", "crashes", "seeds", "arm", "limit", *SAME})
OF = ": "
"""In the name of a difference, between a kind of plug-in and its file."""
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
    candidate: str = ""
    """What the head is a run of, such as a commit: runs of one candidate are looks at one
    question."""
    across_agents: bool = False
    """Whether different agents are compared on purpose."""
    allow_crashes: bool = False
    """Whether rollouts whose agent crashed count as they were graded, instead of being refused."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of two sides: an arm, an outcome, and how sure the answer has to be."""

    arm: str
    outcome: Outcome
    level: float
    margin: float


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
    coupled: bool
    """Whether runs were paired by seed, as the agent draws the same dice in both."""
    flips: Flips

    @property
    def power(self) -> float | None:
        """The chance that this comparison finds a true change of `DROP`; None without a test."""
        return power_of(self.estimate, DROP) if self.outcome.kind == "share" else None

    @property
    def finding(self) -> Finding:
        """Regression or improvement where the sign is sure and tested, else no evidence."""
        if self.estimate.p is None:
            return Finding.NO_EVIDENCE
        if self.verdict.word.better:
            return Finding.IMPROVEMENT
        return Finding.REGRESSION if self.verdict.word is Word.HARM else Finding.NO_EVIDENCE

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
    """1 for runs as they were begun; one more for each time that one was added to, or that another
    run of the same candidate was compared with the same baseline file."""
    level: float
    differences: Mapping[str, tuple[Any, Any]]
    """Settings that differ, (base, head): what is being compared."""
    identical: bool
    """Whether both sides hold the very same outcomes."""
    synthetic: bool
    crashes: Mapping[str, Crashes]
    """By side, `base` and `head`, where the agent crashed and that was allowed."""

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
    lacks, an outcome that is not installed, fewer than two tasks that both sides have, or a
    further look where only one was promised; CrashedError where the agent crashed.
    """
    asked = question or Question()
    check_same(base, head, across_agents=asked.across_agents)
    crashes = crashes_by_side(base, head)
    if not asked.allow_crashes:
        check_crashes(crashes)
    arms = [arm for arm in head.arms if arm in base.arms]
    arm = arm_of(asked.arm, arms)
    outcome = outcome_of(asked.outcome, (base, head), arm)
    look = look_of(base, head, asked.candidate)
    if asked.once and look > 1:
        raise UsageError(
            f"this is look {look}, and --once promises that there is only one",
            "Leave --once out: every look then pays its share.",
        )
    level = 1.0 - (ALPHA if asked.once else alpha_of_look(look))
    changes = {
        name: _change(Asked(name, outcome, level, asked.margin), (base, head))
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
        differences=differences(base, head),
        identical=_comparable(base, head) == _comparable(head, base),
        synthetic=base.synthetic or head.synthetic,
        crashes=crashes,
    )


def crashes_by_side(base: Baseline, head: Baseline) -> dict[str, Crashes]:
    """The crashes of the sides that have any."""
    sides = {"base": base.known_crashes(), "head": head.known_crashes()}
    return {side: found for side, found in sides.items() if found}


def no_verdict(
    error: CrashedError | IncompleteError, sides: tuple[Baseline, Baseline] | tuple[()]
) -> NoVerdict:
    """What an error of a comparison says, as its result; sides: () where one cannot be read."""
    crashed = isinstance(error, CrashedError | StoppedError)
    return NoVerdict(
        finding="crashed" if crashed else "incomplete",
        reason=error.message,
        advice=error.hint,
        crashes=crashes_by_side(*sides) if sides else {},
        differences=differences(*sides) if sides else {},
        synthetic=any(side.synthetic for side in sides),
    )


def look_of(base: Baseline, head: Baseline, candidate: str) -> int:
    """Which look at a candidate this is: one more than those before it with this baseline file.

    Never fewer than the times that the two runs were added to after a look. Results that were
    compared before are no new look.
    """
    before = base.looks_at(candidate)
    again = [look.look for look in before if look.results_digest == head.results_digest]
    added = base.looks + head.looks - 1
    return max([*again, added]) if again else max([look.look + 1 for look in before] + [added])


def noted(
    base: Baseline, head: Baseline, comparison: Comparison, candidate: str
) -> Baseline | None:
    """The baseline with this look in its ledger; None if that says nothing new."""
    look = Look(candidate=candidate, results_digest=head.results_digest, look=comparison.look)
    if comparison.identical or look in base.ledger:
        return None
    return replace(base, ledger=(*base.ledger, look))


def change_of(
    base: FloatArray,
    head: FloatArray,
    level: float,
    outcome: Outcome,
    margin: float,
    *,
    coupled: bool = False,
) -> tuple[Estimate, LiftVerdict]:
    """The 2W estimate of head − base, both (tasks, seeds), and its verdict.

    REGRESSION and IMPROVEMENT follow the outcome's better direction.
    """
    estimate = two_way(head, base, coupled=coupled, level=level)
    if outcome.kind == "share":
        estimate = share_difference(estimate)
    # An outcome without a margin has no word for "equal".
    better = estimate if outcome.better == "higher" else mirrored(estimate)
    return estimate, judge(better, margin=margin if outcome.kind == "share" else 0.0)


def change_between(
    asked: Asked, base: FloatArray, head: FloatArray, ids: Sequence[str], *, coupled: bool
) -> Change:
    """head − base of one arm, both (tasks, seeds), paired by task and, if `coupled`, by seed.

    Raises UsageError where fewer than two tasks have the outcome on both sides.
    """
    if coupled:
        # Seeds count from 0 on either side, and a seed that one side lacks has no partner.
        seeds = min(base.shape[1], head.shape[1])
        base, head = base[:, :seeds], head[:, :seeds]
    if shared_tasks(base, head, coupled=coupled).sum() < 2:
        raise UsageError(
            f"fewer than two tasks have {asked.outcome.name} in {asked.arm} on both sides",
            "Compare another --outcome, or longer runs.",
        )
    (y0, y1), missing = drop_missing(base, head, coupled=coupled)
    estimate, verdict = change_of(y0, y1, asked.level, asked.outcome, asked.margin, coupled=coupled)
    return Change(
        arm=asked.arm,
        outcome=asked.outcome,
        base=float(task_means(y0).mean()),
        head=float(task_means(y1).mean()),
        estimate=estimate,
        verdict=verdict,
        missing=missing,
        coupled=coupled,
        flips=flips(ids, base, head, asked.outcome),
    )


def _change(asked: Asked, sides: tuple[Baseline, Baseline]) -> Change:
    base, head = (side.values(asked.arm, asked.outcome.name) for side in sides)
    return change_between(asked, base, head, sides[0].instance_ids, coupled=are_coupled(sides))


def are_coupled(sides: Sequence[Baseline]) -> bool:
    """Whether all are of one agent that draws the same dice by seed in every run."""
    agents = [str(side.settings.get(AGENT, "")) for side in sides]
    pairs = zip(agents, sides, strict=True)
    return len(set(agents)) == 1 and all(is_coupled(agent, side.coupled) for agent, side in pairs)


def check_same(base: Baseline, head: Baseline, *, across_agents: bool) -> None:
    """Raises UsageError unless both were asked the same."""
    before, after = settings_of(base), settings_of(head)
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
    if not same_tasks(base, head):
        shared = len(set(base.instance_ids) & set(head.instance_ids))
        short, long = sorted((base.instance_ids, head.instance_ids), key=len)
        hint = "Pairing needs the same instances in the same order; repeat one of the runs."
        if long[: len(short)] == short:
            hint = (
                f"One is the beginning of the other: repeat the longer with --limit {len(short)}."
            )
        raise UsageError(
            f"the runs are over different sequences ({len(base.instance_ids)} and "
            f"{len(head.instance_ids)} tasks, {shared} of them the same by name)",
            hint,
        )


def arm_of(wanted: str, arms: Sequence[str]) -> str:
    """The arm to look at, of those that all sides have. Raises UsageError."""
    if wanted and wanted not in arms:
        raise UsageError(
            f"there is no arm {wanted!r} in both runs", f"In both: {', '.join(arms) or 'none'}."
        )
    if not arms:
        raise UsageError("the runs have no arm in common", "Run the same --arm in both.")
    usual = "sequential" if "sequential" in arms else arms[0]
    return wanted or usual


def outcome_of(wanted: str, sides: Sequence[Baseline], arm: str) -> Outcome:
    """The outcome to look at, of those that all sides have. Raises UsageError."""
    shared = [
        name for name in sides[0].arms[arm] if all(name in side.arms[arm] for side in sides[1:])
    ]
    if SCORE.name in shared and wanted in ("", SCORE.name):
        return SCORE
    if wanted:
        if wanted not in shared:
            raise UsageError(
                f"there is no outcome {wanted!r} in both runs", f"In both: {', '.join(shared)}."
            )
        return _installed(wanted)
    return headline(sides, shared)


def headline(sides: Iterable[Baseline], shared: Container[str]) -> Outcome:
    """The outcome that runs are held against each other by, of those that they share."""
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


def differences(base: Baseline, head: Baseline) -> dict[str, tuple[Any, Any]]:
    """The settings that differ, (base, head), and files of plug-ins as `agent: mine.py`."""
    old, new = settings_of(base), settings_of(head)
    names = [name for name in {**old, **new} if name not in NOT_TOLD]
    pairs = {name: (old.get(name), new.get(name)) for name in names}
    pairs["seqswe"] = (base.seqswe, head.seqswe)
    pairs |= _files(base, head)
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _files(base: Baseline, head: Baseline) -> dict[str, tuple[str | None, str | None]]:
    """Digests of the files of plug-ins that both sides recorded; None where a file is not there."""
    pairs: dict[str, tuple[str | None, str | None]] = {}
    for kind in base.plugin_files.keys() & head.plugin_files.keys():
        old, new = base.plugin_files[kind], head.plugin_files[kind]
        pairs |= {f"{kind}{OF}{name}": (old.get(name), new.get(name)) for name in {**old, **new}}
    return dict(sorted(pairs.items()))


def same_tasks(one: Baseline, other: Baseline) -> bool:
    """Whether both are over the same instances, of the same texts, in the same order."""
    sides = [(side.sequence_digest, side.instance_ids) for side in (one, other)]
    return sides[0] == sides[1]


def settings_of(side: Baseline) -> dict[str, Any]:
    """The settings by today's names. One that its version did not have yet was at its default."""
    return {**Experiment().as_dict(), **with_new_names(side.settings)}
