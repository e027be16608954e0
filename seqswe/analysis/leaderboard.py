"""The leaderboard: memories × codebases, pooled over codebases, with ranks that are intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from seqswe.analysis.streams import RESOURCES, Stream, Streams
from seqswe.errors import UnknownName
from seqswe.outcome import Outcome
from seqswe.statistics import (
    MINIMUM_CODEBASES,
    MINIMUM_RUNS,
    MINIMUM_TESTED,
    Estimate,
    Pooled,
    Standings,
    holm,
    pool,
    standings,
    two_way,
)
from seqswe.statistics.arrays import FloatArray, on_shared_tasks
from seqswe.statistics.harm import HarmRate, harm_rate
from seqswe.statistics.twoway import mirrored

REFERENCE = "git_history"
"""What every memory must beat: the log that an agent has for nothing."""
Pair = tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One memory on one codebase; `lift` over its i.i.d. arm is None where it cannot be told."""

    stream: Stream
    lift: Estimate | None
    harm: HarmRate | None
    ratios: Mapping[str, Estimate]
    """By resource, on the logarithm: what it uses against its i.i.d. arm."""

    @property
    def counted(self) -> bool:
        """Whether it enters what is pooled: an unfinished run never does."""
        return self.stream.complete and self.lift is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A memory − another in the sequential arms, by codebase on the tasks that both ran."""

    by_codebase: Mapping[str, Estimate]
    pooled: Pooled | None
    p: float | None
    """Holm's over the family that it was made for."""

    @property
    def mean(self) -> float | None:
        """The plain mean over codebases, whether or not it can be pooled."""
        values = [estimate.estimate for estimate in self.by_codebase.values()]
        return float(np.mean(values)) if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One memory: its cells by codebase, what they come to, and where it may stand."""

    memory: str
    cells: Mapping[str, Cell]
    lift: Pooled | None
    p: float | None
    """Of the pooled lift, Holm's over the memories."""
    against: Difference | None
    """To the reference; None for the reference itself, and where there is none."""
    ranks: tuple[int, int] | None
    """From the best to the worst rank that cannot be excluded; None where no pair is tested."""
    tier: int | None
    lost: Pooled | None
    """Share of rollouts that lost a task which the i.i.d. arm's majority solved."""
    won: Pooled | None
    by_chance: float | None
    """What the i.i.d. arms lose against themselves; None where too few runs tell."""
    ratios: Mapping[str, Pooled]

    @property
    def counted(self) -> tuple[Cell, ...]:
        """The cells that enter what is pooled."""
        return tuple(cell for cell in self.cells.values() if cell.counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """Everything that a leaderboard prints; rows begin with the highest mean."""

    rows: tuple[Row, ...]
    codebases: tuple[str, ...]
    outcome: Outcome
    reason: str
    agent: str
    reference: str
    """Name of the memory that the others are held against; "" where it was not run."""
    warnings: tuple[str, ...]
    suite: str = ""
    """In words, the released suite that the runs are of; "" for none."""
    statement: str = "full"
    """How tasks are told; "" where runs differ in it."""

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All that was reported, memory by memory."""
        return tuple(cell.stream for row in self.rows for cell in row.cells.values())

    @property
    def complete(self) -> bool:
        """Whether every run is finished."""
        return all(stream.complete for stream in self.streams)

    @property
    def synthetic(self) -> bool:
        """Whether any run is over injected bugs."""
        return any(stream.synthetic for stream in self.streams)

    @property
    def resources(self) -> tuple[Outcome, ...]:
        """The resources that any cell has a ratio of."""
        cells = [cell for row in self.rows for cell in row.cells.values()]
        return tuple(r for r in RESOURCES if any(r.name in cell.ratios for cell in cells))

    @property
    def pooled(self) -> bool:
        """Whether any memory has enough codebases for a mean."""
        return any(row.lift for row in self.rows)


def leaderboard(found: Streams, reference: str | None = None) -> Leaderboard:
    """Compare memories over codebases. `reference`: a memory's label, by default REFERENCE.

    Raises UnknownName for a reference that was named and not run.
    """
    memories = tuple(dict.fromkeys(stream.memory for stream in found.streams))
    codebases = tuple(sorted({stream.codebase for stream in found.streams}))
    if reference and reference not in memories:
        raise UnknownName("reference", reference, memories)
    chosen = reference or (REFERENCE if REFERENCE in memories else "")
    cells = {
        memory: {
            stream.codebase: _cell(stream, found.outcome)
            for stream in sorted(found.streams, key=lambda s: s.codebase)
            if stream.memory == memory
        }
        for memory in memories
    }
    differences = _differences(cells, found.outcome)
    order = _order(memories, cells, differences)
    places = _standings(order, differences)
    lifts = {memory: _pooled(_lifts(cells[memory])) for memory in order}
    tested = _holm({memory: p.p for memory, p in lifts.items() if p})
    against = _against(order, chosen, differences)
    rows = tuple(
        _row(
            memory,
            cells[memory],
            lift=lifts[memory],
            p=tested.get(memory),
            against=against.get(memory),
            place=(places, number) if places else None,
        )
        for number, memory in enumerate(order)
    )
    return Leaderboard(
        rows=rows,
        codebases=codebases,
        outcome=found.outcome,
        reason=found.reason,
        agent=found.agent,
        reference=chosen,
        warnings=(*_gaps(rows, codebases), *found.warnings),
        suite=found.suite,
        statement=found.statement,
    )


def _row(
    memory: str,
    cells: Mapping[str, Cell],
    *,
    lift: Pooled | None,
    p: float | None,
    against: Difference | None,
    place: tuple[Standings, int] | None,
) -> Row:
    found, i = place or (None, 0)
    harms = [cell.harm for cell in cells.values() if cell.counted and cell.harm]
    return Row(
        memory=memory,
        cells=cells,
        lift=lift,
        p=p,
        against=against,
        ranks=(int(found.lowest[i]), int(found.highest[i])) if found else None,
        tier=int(found.tier[i]) if found else None,
        lost=_pooled([harm.lost for harm in harms]),
        won=_pooled([harm.won for harm in harms]),
        by_chance=_mean(harm.by_chance for harm in harms),
        ratios=_ratios(cells),
    )


def _cell(stream: Stream, outcome: Outcome) -> Cell:
    lift = _paired(stream, outcome.name)
    ratios = {
        resource.name: two_way(np.log(y1), np.log(y0), coupled=stream.coupled)
        for resource in RESOURCES
        if (pair := _paired(stream, resource.name))
        for y1, y0 in [pair]
        if np.nanmin(y1) > 0 and np.nanmin(y0) > 0
    }
    return Cell(
        stream=stream,
        lift=two_way(*lift, coupled=stream.coupled) if lift else None,
        harm=harm_rate(*lift) if lift else None,
        ratios=ratios,
    )


def _paired(stream: Stream, name: str) -> Pair | None:
    if name not in stream.values or name not in stream.baseline:
        return None
    return on_shared_tasks(stream.values[name], stream.baseline[name], coupled=stream.coupled)


def _differences(
    cells: Mapping[str, Mapping[str, Cell]], outcome: Outcome
) -> dict[tuple[str, str], Difference]:
    """Every pair of memories, (a, b) and (b, a); only finished runs."""
    differences = {}
    for first, second in combinations(cells, 2):
        both = [c for c in cells[first] if c in cells[second]]
        streams = [(cells[first][c].stream, cells[second][c].stream) for c in both]
        found = {a.codebase: e for a, b in streams if (e := _between(a, b, outcome))}
        differences[first, second] = _difference(found)
        differences[second, first] = _difference({c: mirrored(e) for c, e in found.items()})
    return differences


def _between(first: Stream, second: Stream, outcome: Outcome) -> Estimate | None:
    if not (first.complete and second.complete):
        return None
    shared = [task for task in first.tasks if task in set(second.tasks)]
    name = outcome.name
    coupled = first.coupled and second.coupled and first.seeds == second.seeds
    pair = on_shared_tasks(
        first.values[name][first.places(shared)],
        second.values[name][second.places(shared)],
        coupled=coupled,
    )
    return two_way(*pair, coupled=coupled) if pair else None


def _difference(found: Mapping[str, Estimate]) -> Difference:
    pooled = _pooled(list(found.values()))
    return Difference(by_codebase=found, pooled=pooled, p=pooled.p if pooled else None)


def _pooled(estimates: Sequence[Estimate]) -> Pooled | None:
    if len(estimates) < MINIMUM_CODEBASES:
        return None
    return pool([e.estimate for e in estimates], [e.se**2 for e in estimates])


def _lifts(cells: Mapping[str, Cell]) -> list[Estimate]:
    return [cell.lift for cell in cells.values() if cell.counted and cell.lift]


def _mean(values: Iterable[float | None]) -> float | None:
    known = list(values)
    whole = [value for value in known if value is not None]
    return float(np.mean(whole)) if whole and len(whole) == len(known) else None


def _ratios(cells: Mapping[str, Cell]) -> dict[str, Pooled]:
    pooled = {
        resource.name: _pooled(
            [
                c.ratios[resource.name]
                for c in cells.values()
                if c.counted and resource.name in c.ratios
            ]
        )
        for resource in RESOURCES
    }
    return {name: value for name, value in pooled.items() if value}


def _holm(p_values: Mapping[str, float | None]) -> dict[str, float]:
    tested = {name: p for name, p in p_values.items() if p is not None}
    return dict(zip(tested, map(float, holm(list(tested.values()))), strict=True))


def _against(
    memories: Sequence[str], reference: str, differences: Mapping[tuple[str, str], Difference]
) -> dict[str, Difference]:
    if not reference:
        return {}
    found = {m: differences[m, reference] for m in memories if m != reference}
    adjusted = _holm({memory: difference.p for memory, difference in found.items()})
    return {
        memory: replace(difference, p=adjusted.get(memory)) for memory, difference in found.items()
    }


def _order(
    memories: Sequence[str],
    cells: Mapping[str, Mapping[str, Cell]],
    differences: Mapping[tuple[str, str], Difference],
) -> list[str]:
    """By the mean difference to all others, which codebases that one lacks do not distort."""

    def score(memory: str) -> tuple[float, float]:
        means = [differences[memory, other].mean for other in memories if other != memory]
        known = [mean for mean in means if mean is not None]
        lifts = [lift.estimate for lift in _lifts(cells[memory])]
        return (
            float(np.mean(known)) if known else float("-inf"),
            float(np.mean(lifts)) if lifts else float("-inf"),
        )

    return sorted(memories, key=lambda memory: (*(-part for part in score(memory)), memory))


def _standings(
    memories: Sequence[str], differences: Mapping[tuple[str, str], Difference]
) -> Standings | None:
    """None where no pair has enough codebases for a test: then nothing is known of ranks."""
    gaps, p = (np.full((len(memories), len(memories)), np.nan) for _ in range(2))
    for i, first in enumerate(memories):
        for j, second in enumerate(memories):
            found = differences[first, second] if i != j else None
            if found and found.pooled and found.p is not None:
                gaps[i, j], p[i, j] = found.pooled.estimate, found.p
    return standings(gaps, p) if np.isfinite(p).any() else None


def _gaps(rows: Sequence[Row], codebases: Sequence[str]) -> Iterable[str]:
    """What is missing or unfinished: it is left out of every mean, and said."""
    streams = [cell.stream for row in rows for cell in row.cells.values()]
    unfinished = [s for s in streams if not s.complete]
    if unfinished:
        told = "; ".join(
            f"{s.memory} on {s.codebase} ({s.planned - s.graded} of {s.planned} rollouts have no "
            "verdict)"
            for s in unfinished
        )
        yield f"INCOMPLETE: {told}. They are shown and left out of means, differences and ranks."
    missing = [
        f"{row.memory} on {', '.join(absent)}"
        for row in rows
        if (absent := [c for c in codebases if c not in row.cells])
    ]
    if missing:
        yield f"NOT RUN: {'; '.join(missing)}. Each mean is over the codebases that it has."
    without = _told(((s.memory, s.codebase) for s in streams if not s.baseline), codebases)
    if without:
        yield (
            f"NO I.I.D. ARM: {without}, and none of another run that recalled nothing. "
            "There is no lift; the memory is still compared with the others."
        )
    for lender in sorted({s.lender for s in streams if s.lender}):
        lent = ((s.memory, s.codebase) for s in streams if s.lender == lender)
        told = _told(lent, codebases)
        yield f"The i.i.d. arm of {lender} serves others too, since it recalled nothing: {told}."
    few = ((s.memory, s.codebase) for s in streams if s.seeds < MINIMUM_RUNS)
    single = _told(few, codebases)
    if single:
        where = "every run" if all(s.seeds < MINIMUM_RUNS for s in streams) else single
        yield (
            f"FEW SEEDS: under {MINIMUM_RUNS} for {where}. Those cells' intervals carry the noise "
            "of tasks alone; means over codebases carry all of it."
        )
    if any(s.synthetic for s in streams):
        names = ", ".join(sorted({s.codebase for s in streams if s.synthetic}))
        yield f"SYNTHETIC: the bugs of {names} were injected; do not quote them as real issues."
    yield from _different_tasks(streams)
    if 0 < len(codebases) < MINIMUM_TESTED:
        least = "pooled from four codebases on" if len(codebases) < MINIMUM_CODEBASES else ""
        yield (
            f"{len(codebases)} codebases: {least or 'means have intervals'}; "
            f"p-values and ranks need {MINIMUM_TESTED}."
        )


def _told(places: Iterable[tuple[str, str]], codebases: Sequence[str]) -> str:
    """`episodic, chroma on all; recency on click, sqlglot`, of memories and codebases."""
    by_memory: dict[str, list[str]] = {}
    for memory, codebase in places:
        by_memory.setdefault(memory, []).append(codebase)
    by_places: dict[tuple[str, ...], list[str]] = {}
    for memory, on in by_memory.items():
        by_places.setdefault(tuple(on), []).append(memory)
    return "; ".join(
        f"{', '.join(memories)} on {'all' if set(on) == set(codebases) else ', '.join(on)}"
        for on, memories in by_places.items()
    )


def _different_tasks(streams: Sequence[Stream]) -> Iterable[str]:
    for codebase in sorted({s.codebase for s in streams}):
        tasks = {s.tasks for s in streams if s.codebase == codebase}
        if len(tasks) > 1:
            shared = set.intersection(*(set(t) for t in tasks))
            yield (
                f"The runs of {codebase} are not over the same tasks: memories are compared on the "
                f"tasks that two share ({len(shared)} are in all)."
            )
