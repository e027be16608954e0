"""What an analysis holds. Everything is frozen; reports only read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import expm1, inf
from pathlib import Path
from typing import Literal

from seqswe.arms import is_diagnostic, is_probe
from seqswe.manifests.outcome_tables import OutcomeTable
from seqswe.outcome import Outcome
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunInfo
from seqswe.statistics import Curve, Estimate, Lift, LiftVerdict, Practice, Ratio, SweBenchCl
from seqswe.statistics.arrays import FloatArray

Scale = Literal["difference", "ratio"]
Unit = Literal["lift", "tasks", "share", "task number", "age"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmOutcome:
    """One outcome of one arm: `values` (tasks, seeds) with NaN where there is none.

    `mean` and `curve` are over tasks that some seed has, None where those are too few, and the
    curve only for the headline outcome; `run_means` has one mean per seed, over what it has.
    """

    outcome: Outcome
    values: FloatArray
    mean: Estimate | None
    run_means: tuple[float | None, ...]
    missing: int
    """Values missing among tasks × seeds."""
    curve: Curve | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """One arm of one run directory, with both denominators."""

    run: str
    arm: str
    seeds: tuple[int, ...]
    positions: tuple[int, ...]
    """Of its tasks in the sequence: all of them, but for `frozen` and `replay`."""
    graded: int
    resolved: int
    deterministic: bool | None
    """Whether all seeds gave the same results; None with a single seed."""
    coupled: bool
    """Whether its agent draws the same dice by seed in every arm."""
    outcomes: Mapping[str, ArmOutcome]

    @property
    def tasks(self) -> int:
        """How many tasks it was to run."""
        return len(self.positions)

    @property
    def diagnostic(self) -> bool:
        """Whether its memory may hold lessons of a task's own future."""
        return is_diagnostic(self.arm)

    @property
    def rollouts(self) -> int:
        """All rollouts planned: tasks × seeds. The second denominator."""
        return self.tasks * len(self.seeds)

    @property
    def complete(self) -> bool:
        """Whether every planned rollout has a verdict."""
        return self.graded == self.rollouts


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """`arm` − `baseline` on one outcome, paired by task.

    On the scale `ratio` the statistics are of logarithms; `estimate`, `low` and `high` give the
    relative change (−0.2 is a fifth less). The verdict judges improvement: GAIN and LEARNING mean
    better, whichever way better is. While rollouts are missing there is neither verdict nor
    p-value: whoever tests a run as it goes on finds something sooner or later.
    """

    run: str
    arm: str
    baseline: str
    outcome: Outcome
    scale: Scale
    lift: Lift
    curve: Curve | None
    dropped_seeds: int = 0
    """Seeds of the two arms that are not compared: without a verdict, or without their partner."""
    final: bool = True
    """Whether every rollout that was planned has a verdict."""

    @property
    def estimate(self) -> float:
        """The mean lift, or the relative change on the scale `ratio`."""
        return self.shown(self.lift.overall.estimate)

    @property
    def low(self) -> float:
        """Lower end of the interval of `estimate`."""
        return self.shown(self.lift.overall.low)

    @property
    def high(self) -> float:
        """Upper end of the interval of `estimate`."""
        return self.shown(self.lift.overall.high)

    @property
    def p(self) -> float | None:
        """The p-value, Holm's where several runs are judged together.

        None under three runs, and before the end.
        """
        if not self.final:
            return None
        return self.lift.overall.p if self.lift.adjusted_p is None else self.lift.adjusted_p

    @property
    def verdict(self) -> LiftVerdict | None:
        """The verdict; None before the end."""
        return self.lift.verdict if self.final else None

    @property
    def single_run(self) -> bool:
        """Whether an arm has fewer than three runs."""
        return self.lift.verdict.single_run

    @property
    def no_difference(self) -> bool:
        """Whether the arms are equal on every task, so that no noise was seen at all."""
        return self.lift.overall.se == 0.0 and abs(self.lift.overall.estimate) < 1e-12

    @property
    def deterministic(self) -> bool:
        """Whether in both arms every seed gave the same values."""
        noise = self.lift.diagnostics
        return bool(noise.sequential.deterministic and noise.iid.deterministic)

    @property
    def name(self) -> str:
        """`sequential − iid`."""
        return f"{self.arm} − {self.baseline}"

    def shown(self, value: float) -> float:
        """A statistic of this contrast on the scale that people read."""
        if self.scale != "ratio":
            return value
        return expm1(value) if value < 700 else inf


ProbeKind = Literal[
    "dose", "window", "fading", "older lessons", "retention", "transfer", "own lesson", "order"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What an arm beside the headline shows: `arm` − `baseline` on the headline outcome.

    `estimate` is paired by task, over the tasks that both arms have. `learnt` is the number of
    tasks that the memory of a `frozen` or `window` arm learned from. All doses are compared on the
    same tasks, those after the largest dose, and all windows on the last quarter.
    """

    run: str
    kind: ProbeKind
    arm: str
    baseline: str
    outcome: Outcome
    estimate: Estimate
    learnt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """What a resolved task costs in one resource, arm against baseline.

    `per_resolved` is all that was spent over the tasks resolved, None where none was; `ratio` of
    the two with its interval; `practice` the law of practice, None where it cannot be fitted.
    """

    run: str
    arm: str
    baseline: str
    outcome: Outcome
    per_resolved: float | None
    baseline_per_resolved: float | None
    ratio: Ratio | None
    practice: Practice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Secondary:
    """One secondary estimate beside a run's primary contrast: no test, a description.

    `unit` says what `estimate`, `low` and `high` count: `lift` the headline outcome's own units,
    `tasks`, a `share` in [0, 1], a `task number` from 1, or an `age` in tasks. The interval is None
    where there is none, an end of it where it is open, and the estimate where nothing was shown.
    """

    run: str
    name: str
    title: str
    contrast: str
    unit: Unit
    estimate: float | None
    low: float | None
    high: float | None
    n: int
    meaning: str
    """What it says, in plain words."""

    @classmethod
    def of(
        cls,
        contrast: Contrast,
        value: Estimate | float | None,
        *,
        ends: tuple[float | None, float | None] = (None, None),
        name: str,
        title: str,
        meaning: str,
        unit: Unit = "lift",
        between: str = "",
    ) -> Secondary:
        """An estimate beside `contrast`; a plain number has the interval `ends`, if any.

        `between` names what is compared, where that is not the contrast itself. An interval without
        any width is none: nothing was seen to vary, which is no certainty.
        """
        known = value if isinstance(value, Estimate) else None
        low, high = (known.low, known.high) if known else ends
        if known and low == high:
            low = high = None
        return cls(
            run=contrast.run,
            name=name,
            title=title,
            contrast=between or contrast.name,
            unit=unit,
            estimate=value.estimate if isinstance(value, Estimate) else value,
            low=low,
            high=high,
            n=known.n if known else contrast.lift.overall.n,
            meaning=meaning,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SweBenchClMetrics:
    """SWE-Bench-CL's metrics of one run's primary contrast: theirs, for comparison only."""

    run: str
    contrast: str
    metrics: SweBenchCl


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCount:
    """How many rollouts of an arm failed for one cause, and one of their details as an example."""

    run: str
    arm: str
    cause: str
    meaning: str
    graded: bool
    count: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatCount:
    """Rollouts of an arm that were tried before: each further try is a further chance."""

    run: str
    arm: str
    ended: str
    """What ended the earlier tries: a cause, and the verdict if one was lost with it."""
    rollouts: int
    tries: int
    """Earlier tries that ended so, of all of them together."""
    most_tries: int
    """Of one rollout, its last one and those that ended in another way included."""
    resolved: int
    """How many of these rollouts were resolved in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """How many verdicts of an arm have one reason."""

    run: str
    arm: str
    reason: str
    meaning: str
    count: int
    dropped: int
    """How many of them are of a patch that some changed files are missing from."""
    example: str
    """A problem of one of them, or a file that is missing and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """One run directory: its settings, its rollouts, and what is wrong with it."""

    label: str
    root: Path
    info: RunInfo
    rollouts: tuple[Rollout, ...]
    planned: int
    graded: int
    results_digest: str
    warnings: tuple[str, ...]
    table: OutcomeTable | None = None
    """The outcome table that it was read from; then `info` holds names alone, and no settings."""
    lender: str = ""
    """The run whose iid arm stands for its own; `rollouts` are its own alone."""

    @property
    def complete(self) -> bool:
        """Whether every planned rollout has a verdict."""
        return self.graded >= self.planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything that a report prints about one or several run directories."""

    runs: tuple[RunResult, ...]
    arms: tuple[ArmResult, ...]
    contrasts: tuple[Contrast, ...]
    probes: tuple[Probe, ...]
    """Dose and response, retention, transfer: never part of the headline."""
    efficiencies: tuple[Efficiency, ...]
    verdicts: tuple[VerdictCount, ...]
    failures: tuple[FailureCount, ...]
    repeats: tuple[RepeatCount, ...]
    secondary: tuple[Secondary, ...]
    swe_bench_cl: tuple[SweBenchClMetrics, ...]
    headline_outcome: Outcome
    headline_reason: str
    sentences: tuple[str, ...]
    """The findings in words, the primary one of every run first."""
    warnings: tuple[str, ...]
    """What a reader must know before believing the rest: incomplete, synthetic, one seed."""

    @property
    def complete(self) -> bool:
        """Whether every planned rollout of every run has a verdict."""
        return all(run.complete for run in self.runs)

    @property
    def synthetic(self) -> bool:
        """Whether any run is over injected bugs rather than real issues."""
        return any(run.info.synthetic for run in self.runs)

    def headlines(self) -> tuple[Contrast, ...]:
        """The primary contrast of every run that has one."""
        primary: dict[str, Contrast] = {}
        for contrast in self.contrasts:
            if contrast.outcome.name == self.headline_outcome.name:
                primary.setdefault(contrast.run, contrast)
        return tuple(primary.values())

    def curve_arms(self, run: str) -> list[ArmResult]:
        """The arms of one run that ran the whole sequence, as charts show them."""
        mine = [arm for arm in self.arms if arm.run == run]
        return [arm for arm in mine if not is_probe(arm.arm)] or mine

    def of_arm(self, run: str, arm: str) -> ArmResult:
        """One arm of one run. Raises KeyError."""
        for result in self.arms:
            if (result.run, result.arm) == (run, arm):
                return result
        raise KeyError((run, arm))
