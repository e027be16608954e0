"""Streams: what one memory did on one codebase, and the i.i.d. arm that stands beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqswe.analysis.arms import RunLayout, layout, matrix
from seqswe.analysis.build import headline_outcome
from seqswe.analysis.coupling import is_coupled
from seqswe.analysis.suites import suite_in_words
from seqswe.arms import BASELINE, SEQUENTIAL
from seqswe.errors import IncompleteError, UsageError
from seqswe.experiment import Experiment, affecting
from seqswe.memory import row_name
from seqswe.outcome import Outcome, amount
from seqswe.runs.files import check_files
from seqswe.runs.journal import Journal
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory
from seqswe.statistics.arrays import FloatArray

OF_MEMORY = (
    "memory_option",
    "memory_model",
    "memory_model_answer_tokens",
    "embedding",
    "delivery",
    "feedback",
)
"""Settings that make two memories of one name: they stand in its label where they differ."""
OF_AGENT = ("agent", "agent_option", "model", "code_policy")
"""Settings that must not differ: they would be compared in place of the memories."""


def _cost(rollout: Rollout) -> float | None:
    memory, user = rollout.memory_usage, rollout.user_usage
    parts = [rollout.usage.cost_usd]
    parts += [memory.cost_usd] if memory.calls else []
    parts += [user.cost_usd] if user else []
    # What a model's calls cost and nobody knows is not zero.
    return None if None in parts else sum(part or 0.0 for part in parts)


def _tokens(rollout: Rollout) -> float | None:
    own, user = rollout.usage.tokens, rollout.user_usage
    told = user.tokens if user else 0
    return None if own is None or told is None else own + rollout.memory_usage.tokens + told


TOTAL_COST = amount(
    "total_cost", "Cost: the memory's and the user's own with it", "USD per task", _cost
)
TOTAL_TOKENS = amount(
    "total_tokens", "Tokens: the memory's and the user's own with them", "tokens per task", _tokens
)
RESOURCES = (TOTAL_COST, TOTAL_TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One memory on one codebase: outcomes by name, arrays (tasks, seeds), NaN where there is none.

    `baseline` is the i.i.d. arm's, empty where there is none; `lender` names the memory whose run
    it was borrowed from, "" for its own.
    """

    source: str
    codebase: str
    memory: str
    tasks: tuple[str, ...]
    values: Mapping[str, FloatArray]
    baseline: Mapping[str, FloatArray]
    planned: int
    """Rollouts of both arms."""
    graded: int
    synthetic: bool = False
    coupled: bool = False
    """Whether column k is the same seed in both arms, and draws the same dice."""
    digest: str = ""
    lender: str = ""

    @property
    def complete(self) -> bool:
        """Whether every planned rollout of its arms has a verdict."""
        return self.graded >= self.planned

    @property
    def seeds(self) -> int:
        """Runs of the arm that carries its memory."""
        return int(next(iter(self.values.values())).shape[1])

    def places(self, tasks: Sequence[str]) -> NDArray[np.int64]:
        """The rows of these tasks. Raises KeyError."""
        index = {task: row for row, task in enumerate(self.tasks)}
        return np.array([index[task] for task in tasks], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Everything that a leaderboard is made of."""

    streams: tuple[Stream, ...]
    outcome: Outcome
    reason: str
    """Why this outcome is the headline's."""
    agent: str
    warnings: tuple[str, ...] = ()
    suite: str = ""
    """In words, the released suite that the runs are of; "" for none."""
    statement: str = "full"
    """How tasks are told; "" where runs differ in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run directory as read."""

    directory: RunDirectory
    journal: Journal
    plan: RunLayout

    @property
    def experiment(self) -> Experiment:
        return self.directory.info.experiment

    @property
    def codebase(self) -> str:
        return codebase_of(self.directory)

    @property
    def name(self) -> str:
        return self.directory.root.resolve().name

    @property
    def is_coupled(self) -> bool:
        return is_coupled(self.experiment.agent, self.directory.info.coupled)

    def rollouts(self, arm: str) -> list[Rollout]:
        return [r for r in self.journal.rollouts if r.arm == arm]

    def planned(self, arm: str) -> int:
        return len(self.plan.seeds[arm]) * len(self.plan.positions[arm])

    def graded(self, arm: str) -> int:
        return sum(r.graded for r in self.rollouts(arm))


def codebase_of(directory: RunDirectory) -> str:
    """The name of a run's codebase, wherever its folder lies."""
    return Path(directory.info.experiment.codebase).name


def streams_of_runs(directories: Sequence[RunDirectory]) -> Streams:
    """Read run directories as streams, a sequential arm each.

    Raises UsageError for a run given twice, without a sequential arm, or beside one of another
    agent; RunDirError for a damaged journal; IncompleteError where nothing at all is graded.
    """
    runs = [_read(directory) for directory in directories]
    _check_alike(runs)
    used = [r for run in runs for arm in (BASELINE, SEQUENTIAL) for r in run.rollouts(arm)]
    if not any(r.graded for r in used):
        raise IncompleteError(
            "nothing is graded in any of the runs: there is no result to report",
            "Finish them with `seqswe resume`; the journals say why rollouts failed.",
        )
    outcome, reason = headline_outcome(used)
    labels = _labels([run.experiment for run in runs])
    streams = [
        _stream(run, label, (outcome, *_counted(used)))
        for run, label in zip(runs, labels, strict=True)
    ]
    _check_once(streams)
    told = {run.experiment.statement for run in runs}
    return Streams(
        streams=tuple(_with_baselines(runs, streams)),
        outcome=outcome,
        reason=reason,
        agent=runs[0].experiment.agent_name,
        warnings=tuple(_differing(runs)),
        suite=suite_in_words([run.directory.info for run in runs]),
        statement=told.pop() if len(told) == 1 else "",
    )


def _read(directory: RunDirectory) -> _Run:
    journal = directory.journal()
    check_files(directory, journal)
    plan = layout(directory.info, journal)
    if SEQUENTIAL not in plan.arms:
        raise UsageError(
            f"{directory.root} has no sequential arm",
            "A leaderboard compares memories that are carried along: leave this run out.",
        )
    return _Run(directory=directory, journal=journal, plan=plan)


def _check_alike(runs: Sequence[_Run]) -> None:
    roots = [run.directory.root.resolve() for run in runs]
    if not roots or len(set(roots)) != len(roots):
        raise UsageError("every run directory must be given once", "See `seqswe report --help`.")
    for name in OF_AGENT:
        values = list(dict.fromkeys(str(_setting(run, name)) for run in runs))
        if len(values) > 1:
            raise UsageError(
                f"the runs differ in {name}: {values[0]!r:.60} and {values[1]!r:.60}",
                "A leaderboard compares memories of one agent: report each agent by itself.",
            )


def _setting(run: _Run, name: str) -> Any:
    experiment = run.experiment
    return experiment.agent_name if name == "agent" else getattr(experiment, name)


def _check_once(streams: Sequence[Stream]) -> None:
    seen: dict[tuple[str, str], Stream] = {}
    for stream in streams:
        other = seen.setdefault((stream.memory, stream.codebase), stream)
        if other is not stream:
            raise UsageError(
                f"{other.source} and {stream.source} are both of {stream.memory} on "
                f"{stream.codebase}",
                "Give one of them; more seeds are added by `seqswe resume RUN --seeds`.",
            )


def _labels(experiments: Sequence[Experiment]) -> list[str]:
    """The memory's name, and its own settings where runs of that name differ in them."""
    values: dict[tuple[str, str], set[Any]] = {}
    for experiment in experiments:
        for name in OF_MEMORY:
            values.setdefault((experiment.memory, name), set()).add(getattr(experiment, name))
    return [
        " ".join(
            [
                row_name(experiment.memory),
                *(
                    _told(name, getattr(experiment, name))
                    for name in OF_MEMORY
                    if len(values[experiment.memory, name]) > 1
                ),
            ]
        )
        for experiment in experiments
    ]


def _told(name: str, value: Any) -> str:
    if name == "memory_option":
        return " ".join(value) or "(no options)"
    return f"{name}={value or 'none'}"


def _counted(rollouts: Iterable[Rollout]) -> list[Outcome]:
    graded = [rollout for rollout in rollouts if rollout.graded]
    return [outcome for outcome in RESOURCES if any(map(outcome.is_reported, graded))]


def _stream(run: _Run, label: str, outcomes: Sequence[Outcome]) -> Stream:
    arms = [arm for arm in (BASELINE, SEQUENTIAL) if arm in run.plan.arms]
    values = {
        arm: {
            o.name: matrix(o, run.rollouts(arm), run.plan.seeds[arm], run.plan.tasks)
            for o in outcomes
        }
        for arm in arms
    }
    return Stream(
        source=run.name,
        codebase=run.codebase,
        memory=label,
        tasks=run.directory.info.instance_ids[: run.plan.tasks],
        values=values[SEQUENTIAL],
        baseline=values.get(BASELINE, {}),
        planned=sum(map(run.planned, arms)),
        graded=sum(map(run.graded, arms)),
        synthetic=run.directory.info.synthetic,
        coupled=run.is_coupled and len({run.plan.seeds[arm] for arm in arms}) == 1,
        digest=run.journal.results_digest(),
    )


def _with_baselines(runs: Sequence[_Run], streams: Sequence[Stream]) -> Iterable[Stream]:
    """Each stream with an i.i.d. arm; one without its own is lent one that recalled nothing.

    An empty memory is the same in every run of an agent, so its arm may be shared. One that
    recalls something although it was wiped (`git_history`) is no empty memory.
    """
    able = [
        (run, stream)
        for run, stream in reversed(list(zip(runs, streams, strict=True)))
        if stream.baseline and not any(r.recalled_bytes for r in run.rollouts(BASELINE))
    ]
    # The last one stays: a finished arm before an unfinished one, else the first that was given.
    able.sort(key=lambda pair: pair[0].graded(BASELINE) >= pair[0].planned(BASELINE))
    lenders = {pair[1].codebase: pair for pair in able}
    for stream in streams:
        run, lender = lenders.get(stream.codebase, (None, None))
        if stream.baseline or run is None or lender is None or lender.tasks != stream.tasks:
            yield stream
        else:
            coupled = stream.coupled and lender.coupled and stream.seeds == lender.seeds
            yield replace(
                stream,
                baseline=lender.baseline,
                coupled=coupled,
                lender=lender.memory,
                planned=stream.planned + run.planned(BASELINE),
                graded=stream.graded + run.graded(BASELINE),
            )


def _differing(runs: Sequence[_Run]) -> Iterable[str]:
    """Settings beside the memory's own that results depend on and that are not all alike."""
    beside = affecting("outcome") - {"codebase", "memory", *OF_MEMORY, *OF_AGENT}
    names = [n for n in sorted(beside) if len({str(_setting(run, n)) for run in runs}) > 1]
    if names:
        yield (
            f"The runs differ in {', '.join(names)}: what stands below may come from that as well "
            "as from the memories."
        )
