"""A leaderboard's findings as sentences: what is sure of the reference and of ranks, no more."""

from __future__ import annotations

from collections.abc import Iterator

from seqswe.analysis.leaderboard import Difference, Leaderboard, Row
from seqswe.analysis.words import difference, p_value
from seqswe.outcome import Outcome
from seqswe.runs.outcomes import RESOLVED
from seqswe.statistics import MINIMUM_CODEBASES, MINIMUM_TESTED, Estimate, Pooled

ALPHA = 0.05


def sentences(board: Leaderboard) -> tuple[str, ...]:
    """The findings in words, the one about the reference first."""
    return tuple(_sentences(board))


def span(outcome: Outcome, estimate: Estimate | Pooled) -> str:
    """`+5.1 points (−1.0 to +11.2)`."""
    low, high = (difference(outcome, end).split(" ")[0] for end in (estimate.low, estimate.high))
    return f"{difference(outcome, estimate.estimate)} ({low} to {high})"


def _sentences(board: Leaderboard) -> Iterator[str]:
    marks = "INCOMPLETE " * (not board.complete) + "SYNTHETIC " * board.synthetic
    agent = f" with {board.agent}" if board.agent else ""
    yield (
        f"{marks}{_count(len(board.rows), 'memory', 'memories')} on "
        f"{_count(len(board.codebases), 'codebase', 'codebases')}{agent}: {board.outcome.title}."
    )
    if board.statement not in ("full", ""):
        yield f"Tasks are told by their {board.statement}, not by their full statement."
    if board.suite:
        yield board.suite
    if board.outcome is not RESOLVED:
        yield board.reason
    yield from _lifts(board)
    yield from _reference(board)
    yield from _tiers(board)


def _lifts(board: Leaderboard) -> Iterator[str]:
    if not board.pooled:
        yield (
            f"Nothing is pooled: no memory has {MINIMUM_CODEBASES} finished codebases. The lifts "
            "are listed one by one."
        )
        return
    sure = [row for row in board.rows if row.p is not None and row.p <= ALPHA]
    helps = [_lift(board, row) for row in sure if row.lift and row.lift.estimate > 0.0]
    harms = [_lift(board, row) for row in sure if row.lift and row.lift.estimate < 0.0]
    if helps:
        yield f"A lift over the i.i.d. arm, for codebases like these: {'; '.join(helps)}."
    if harms:
        yield f"Harm, for codebases like these: {'; '.join(harms)}."
    if not sure and any(row.p is not None for row in board.rows):
        yield "No lift over the i.i.d. arm is shown for codebases like these."


def _lift(board: Leaderboard, row: Row) -> str:
    assert row.lift
    return f"{row.memory} {span(board.outcome, row.lift)}, {p_value(row.p)}"


def _reference(board: Leaderboard) -> Iterator[str]:
    if not board.reference:
        yield "No reference was run: name one with --reference, or run the memory git_history."
        return
    found = [(row.memory, row.against) for row in board.rows if row.against]
    tested = [(memory, against) for memory, against in found if against.p is not None]
    if not tested:
        yield (
            f"Against {board.reference} nothing is tested: no memory shares {MINIMUM_TESTED} "
            "finished codebases with it."
        )
        return
    sure = [(memory, against) for memory, against in tested if (against.p or 0.0) <= ALPHA]
    better = [_gap(board, *pair) for pair in sure if (pair[1].mean or 0.0) > 0]
    worse = [_gap(board, *pair) for pair in sure if (pair[1].mean or 0.0) < 0]
    if better:
        yield f"Better than {board.reference}: {'; '.join(better)}."
    if worse:
        yield f"Worse than {board.reference}: {'; '.join(worse)}."
    if not sure:
        yield (
            f"None of {_count(len(tested), 'memory', 'memories')} is shown to differ from "
            f"{board.reference}."
        )


def _gap(board: Leaderboard, memory: str, against: Difference) -> str:
    told = span(board.outcome, against.pooled) if against.pooled else ""
    return f"{memory} {told}, {p_value(against.p)}"


def _tiers(board: Leaderboard) -> Iterator[str]:
    tiers: dict[int, list[str]] = {}
    for row in board.rows:
        if row.tier is not None:
            tiers.setdefault(row.tier, []).append(row.memory)
    if len(tiers) == 1 and len(board.rows) > 1:
        yield "No two memories can be told apart: every order of them agrees with the data."
    elif len(tiers) > 1:
        told = "; ".join(f"tier {n}: {', '.join(tiers[n])}" for n in sorted(tiers))
        yield f"Within a tier nobody is surely better than another: {told}."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
