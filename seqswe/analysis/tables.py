"""Other people's runs: outcome tables as an analysis of their own, or as streams to pool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seqswe.agent import Usage
from seqswe.analysis.arms import RunLayout, arm_result
from seqswe.analysis.contrasts import contrast, judged_together
from seqswe.analysis.efficiency import efficiencies
from seqswe.analysis.model import Analysis, ArmResult, Contrast, RunResult
from seqswe.analysis.secondary import secondary, swe_bench_cl_metrics
from seqswe.analysis.streams import TOTAL_COST, TOTAL_TOKENS, Stream, Streams
from seqswe.analysis.words import difference, finding
from seqswe.arms import BASELINE
from seqswe.errors import IncompleteError, UsageError
from seqswe.experiment import Experiment
from seqswe.instance import digest_of
from seqswe.manifests.outcome_tables import OutcomeTable
from seqswe.outcome import Outcome
from seqswe.runs.outcomes import COST, RESOLVED, TOKENS
from seqswe.runs.rollout import Failure, Rollout
from seqswe.runs.scored import SCORE, ScoredRollout
from seqswe.runs.store import RunInfo
from seqswe.statistics.arrays import FloatArray

FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")
BINARY = "Every outcome of the table is 0 or 1: it is read as resolved or not."
SCORES = "The table's outcomes lie between 0 and 1: they are compared as scores."
AMOUNTS = {"cost": TOTAL_COST.name, "tokens": TOTAL_TOKENS.name}


def analyse_table(table: OutcomeTable, baseline: str = BASELINE) -> Analysis:
    """Analyse one table: every other arm against `baseline`, each as a run of its own.

    Raises UsageError where the table has no such arm or no other, IncompleteError where no two
    tasks have a result in both.
    """
    arms = arms_of(table, baseline)
    headline = headline_of([table])
    outcomes = (headline, *_counted(table))
    runs = tuple(_run(table, arm, baseline, headline) for arm in arms)
    results = tuple(
        arm_result(
            run.label, arm, run.rollouts, _plan(table, run.label, baseline), outcomes, headline
        )
        for run in runs
        for arm in (baseline, run.label)
    )
    contrasts = judged_together(_contrasts(runs, results, outcomes, baseline), headline)
    if not contrasts:
        raise IncompleteError(
            f"{table.path}: no two tasks have a result in both of two arms",
            "Fill the table's empty cells: a task needs one seed of each arm.",
        )
    partial = Analysis(
        runs=runs,
        arms=results,
        contrasts=contrasts,
        probes=(),
        efficiencies=tuple(
            efficiency
            for arm, base in _pairs(runs, results, baseline)
            if headline is RESOLVED
            for efficiency in efficiencies(arm, base)
        ),
        verdicts=(),
        failures=(),
        repeats=(),
        secondary=(),
        swe_bench_cl=(),
        headline_outcome=headline,
        headline_reason=BINARY if headline is RESOLVED else SCORES,
        sentences=(),
        warnings=tuple(_warnings(table, runs, baseline)),
    )
    described = replace(
        partial, secondary=secondary(partial), swe_bench_cl=swe_bench_cl_metrics(partial)
    )
    return replace(described, sentences=tuple(_sentences(described)))


def streams_of_tables(tables: Sequence[OutcomeTable], baseline: str = BASELINE) -> Streams:
    """Read many tables as streams: each is a codebase, each arm but `baseline` a memory.

    Raises UsageError for two tables of one name and as `analyse_table` does.
    """
    names = [table.name for table in tables]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(
            f"two tables are called {twice[0]!r:.80}", "Each is a stream of its own: rename one."
        )
    outcome = headline_of(tables)
    return Streams(
        streams=tuple(
            _stream(table, arm, baseline, outcome)
            for table in tables
            for arm in arms_of(table, baseline)
        ),
        outcome=outcome,
        reason=BINARY if outcome is RESOLVED else SCORES,
        agent="",
        warnings=tuple(text for table in tables for text in _passed_over(table)),
    )


def arms_of(table: OutcomeTable, baseline: str) -> tuple[str, ...]:
    """The arms that are held against the baseline. Raises UsageError where there are not two."""
    has = ", ".join(map(repr, table.arms))
    if baseline not in table.arms:
        raise UsageError(
            f"{table.path} has no arm {baseline!r:.60} (it has {has:.120})",
            "Name the arm that keeps nothing from task to task: --baseline-arm ARM.",
        )
    others = tuple(arm for arm in table.arms if arm != baseline)
    if not others:
        raise UsageError(
            f"{table.path} holds only the arm {baseline!r:.60}",
            "A lift is over a baseline: give the rows of an arm that carries its memory as well.",
        )
    return others


def headline_of(tables: Iterable[OutcomeTable]) -> Outcome:
    """Resolved where every outcome is 0 or 1, else a score."""
    return RESOLVED if all(table.binary for table in tables) else SCORE


def safe_ids(tasks: Sequence[str]) -> tuple[str, ...]:
    """The tasks' names as ids of instances: what no id may hold is replaced, none stands twice."""
    ids: list[str] = []
    taken: set[str] = set()
    for place, task in enumerate(tasks):
        name = FOREIGN.sub("_", task).replace("..", "__").lstrip(".-")[:190] or "task"
        if name.lower() in taken:
            name = f"{name}-{place + 1:05d}"
        taken.add(name.lower())
        ids.append(name)
    return tuple(ids)


def _counted(table: OutcomeTable) -> list[Outcome]:
    return [
        outcome
        for name, outcome in (("cost", COST), ("tokens", TOKENS))
        if any(np.nansum(arm[name]) > 0 for arm in table.arms.values())
    ]


def _plan(table: OutcomeTable, arm: str, baseline: str) -> RunLayout:
    everything = tuple(range(len(table.tasks)))
    arms = (baseline, arm)
    return RunLayout(
        arms=arms,
        seeds={name: tuple(range(len(table.seeds[name]))) for name in arms},
        positions=dict.fromkeys(arms, everything),
        tasks=len(table.tasks),
    )


def _run(table: OutcomeTable, arm: str, baseline: str, headline: Outcome) -> RunResult:
    ids = safe_ids(table.tasks)
    rollouts = tuple(
        rollout
        for name in (baseline, arm)
        for rollout in _rollouts(table, name, ids, scored=headline is SCORE)
    )
    return RunResult(
        label=arm,
        root=table.path.parent / table.name,
        info=RunInfo(
            experiment=Experiment(codebase=table.name, agent="", memory=arm),
            instance_ids=ids,
            sequence_digest=digest_of("\n".join(table.tasks)),
        ),
        rollouts=rollouts,
        planned=_plan(table, arm, baseline).planned,
        graded=sum(rollout.graded for rollout in rollouts),
        results_digest=table.digest,
        warnings=(),
        table=table,
    )


def _rollouts(
    table: OutcomeTable, arm: str, ids: Sequence[str], *, scored: bool
) -> Iterator[Rollout]:
    values = table.arms[arm]
    for (position, seed), outcome in np.ndenumerate(values["outcome"]):
        tokens, cost = (_known(float(values[name][position, seed])) for name in ("tokens", "cost"))
        known = _known(float(outcome))
        row: dict[str, Any] = {
            "arm": arm,
            "seed": seed,
            "position": position,
            "instance_id": ids[position],
            "key": "",
            "failure": None if known is not None else Failure(cause="cancelled"),
            "usage": Usage(
                prompt_tokens=None if tokens is None else int(tokens),
                completion_tokens=None if tokens is None else 0,
                cost_usd=cost,
            ),
        }
        if scored:
            yield ScoredRollout(**row, score=known)
        else:
            resolved = None if known is None else known == 1.0
            yield Rollout(**row, resolved=resolved)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _pairs(
    runs: Iterable[RunResult], results: Iterable[ArmResult], baseline: str
) -> list[tuple[ArmResult, ArmResult]]:
    by_name = {(arm.run, arm.arm): arm for arm in results}
    return [(by_name[run.label, run.label], by_name[run.label, baseline]) for run in runs]


def _contrasts(
    runs: Sequence[RunResult],
    results: Sequence[ArmResult],
    outcomes: Sequence[Outcome],
    baseline: str,
) -> list[Contrast]:
    made = [
        contrast(arm, base, outcome)
        for arm, base in _pairs(runs, results, baseline)
        for outcome in outcomes
    ]
    return [item for item in made if item]


def _warnings(table: OutcomeTable, runs: Sequence[RunResult], baseline: str) -> Iterator[str]:
    for run in runs:
        if not run.complete:
            yield (
                f"INCOMPLETE: {run.planned - run.graded} of {run.planned} cells of {baseline} and "
                f"{run.label} hold no outcome. Each task counts with the cells that it has. "
                f"{_as_failures(table, run.label, baseline)}"
            )
    yield from _passed_over(table)
    yield (
        f"Read from the outcome table {table.path.name}: how these results were made, and whether "
        "later tasks could leak into earlier ones, is not known here."
    )


def _as_failures(table: OutcomeTable, arm: str, baseline: str) -> str:
    """What the lift would be if everything that is missing were a failure, and where it is."""
    values = [table.arms[name]["outcome"] for name in (arm, baseline)]
    there, base = (float(np.nan_to_num(each).mean()) for each in values)
    holes = [f"{int(np.isnan(v).sum())} of {v.size}" for v in values]
    lift = difference(headline_of([table]), there - base)
    return (
        f"{arm} lacks {holes[0]} and {baseline} {holes[1]}: were they all failures, the lift would "
        f"be {lift}."
    )


def _passed_over(table: OutcomeTable) -> Iterator[str]:
    if table.passed_over:
        yield f"{table.path.name}: columns passed over: {', '.join(table.passed_over):.200}."


def _sentences(analysis: Analysis) -> Iterator[str]:
    runs = {run.label: run for run in analysis.runs}
    for item in analysis.headlines():
        yield finding(item, runs[item.run], several=len(runs) > 1)
    told = {item.run for item in analysis.headlines()}
    for label in runs:
        if label not in told:
            yield f"No result ({label}): fewer than two tasks have an outcome in both arms."
    yield analysis.headline_reason


def _stream(table: OutcomeTable, arm: str, baseline: str, outcome: Outcome) -> Stream:
    both = (table.arms[baseline], table.arms[arm])
    iid, carried = ({outcome.name: a["outcome"], **_amounts(table, a)} for a in both)
    return Stream(
        source=table.path.name,
        codebase=table.name,
        memory=arm,
        tasks=table.tasks,
        values=carried,
        baseline=iid,
        planned=sum(a["outcome"].size for a in both),
        graded=sum(int(np.isfinite(a["outcome"]).sum()) for a in both),
        digest=table.digest,
    )


def _amounts(table: OutcomeTable, arm: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    counted = {outcome.name for outcome in _counted(table)}
    return {AMOUNTS[name]: arm[name] for name in AMOUNTS if name in counted}
