"""`seqswe verify`: make a result again, or check a run that somebody sends."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqswe.comparison.baseline import Baseline
    from seqswe.comparison.result_set import Result, ResultSet
    from seqswe.comparison.standing import Standing

PATH = click.Path(path_type=Path)
SHOWN = 10
"""Outcomes that are named where they differ."""


@click.command()
@click.argument("what", nargs=-1, metavar="[NAME|RUN]...")
@setting_options("mirror")
@click.option("--runs", default="runs", show_default=True, help="Folder for runs and sequences.")
@click.option("--run", "claimed", type=PATH, help="Check this run as NAME instead of making it.")
@click.option("--set", "folder", type=PATH, help="Another result set than that of this clone.")
def verify(
    what: tuple[str, ...], mirror: str, runs: str, claimed: Path | None, folder: Path | None
) -> None:
    """Make results again and compare digests; or check a submitted run.

    NAME is a result of the set that README and docs quote (without one, they are listed): its
    command is run, or what is there below --runs is resumed. RUN is a run directory: what is
    missing is said, whether it is a result of the set, and where it stands among those that were
    asked the same. Exit codes: 0 the same, 1 other outcomes, 2 refused, 5 incomplete.

    \b
    seqswe verify demo-docker
    seqswe verify sqlglot-injected-none --mirror DIR
    seqswe verify runs/mine
    """
    from seqswe.comparison.result_set import OURS, ResultSet
    from seqswe.errors import UsageError

    found = ResultSet.read(folder or OURS)
    if claimed and len(what) != 1:
        raise UsageError("--run needs the one NAME that the run claims to be", "Give both.")
    if not what:
        for name, result in found.results.items():
            echo(f"{result.quoted}  {name}")
    same = [_verify(found, each, mirror, runs, claimed) for each in what]
    click.get_current_context().exit(0 if all(same) else 1)


def _verify(found: ResultSet, what: str, mirror: str, runs: str, claimed: Path | None) -> bool:
    from seqswe.comparison.baseline import read

    if what not in found.results and Path(what).exists():
        return _submission(found, Path(what))
    result = found.result(what)
    expected = found.outcomes(what)
    made = read(claimed or made_again(result, mirror, runs))
    if expected:
        _check_asked_the_same(what, expected, made)
    return _told(result, expected, made)


def made_again(result: Result, mirror: str, runs: str) -> Path:
    """Run the result's commands, or go on with the run that is there; returns its folder."""
    from seqswe.errors import IncompleteError

    sequence = result.words(result.first, mirror, runs)
    command = result.words(result.command, mirror, runs)
    out = Path(command[-1])
    # A sequence whose making was interrupted has its folder, but no list of tasks yet.
    made = bool(sequence) and Path(sequence[-1], "instances.jsonl").exists()
    steps = [sequence] if sequence and not made else []
    steps.append(["seqswe", "resume", str(out)] if out.exists() else command)
    for words in steps:
        echo(" ".join(words), err=True)
        done = subprocess.run([sys.executable, "-m", *words], check=False)
        if done.returncode:
            raise IncompleteError(
                f"{result.name}: `{' '.join(words[:2])}` ended with {done.returncode}",
                "What it said stands above; repeat it to go on where it stopped.",
            )
    return out


def _check_asked_the_same(name: str, expected: Baseline, made: Baseline) -> None:
    """Raises UsageError for a run that was asked something else than the result."""
    from seqswe.comparison.compare import same_tasks
    from seqswe.comparison.result_set import asked_otherwise
    from seqswe.errors import UsageError

    others = asked_otherwise(expected, made)
    if not same_tasks(expected, made) or others:
        told = "; ".join(f"{k} is {b!r}, not {a!r}" for k, (a, b) in islice(others.items(), 3))
        raise UsageError(
            f"this run is not {name}: {told or 'its sequence of tasks is another one'}",
            "Run the command of the result: `seqswe verify NAME` does it.",
        )


def _told(result: Result, expected: Baseline | None, made: Baseline) -> bool:
    """Say whether a run has a result's digest, or what differs; whether its outcomes are those."""
    from seqswe.comparison.result_set import differences

    if result.is_of(made.results_digest):
        echo(f"{result.name}: the results digest is the expected one: {made.results_digest}")
        return True
    echo(f"{result.name}: the results digest is {made.results_digest}, not {result.results}")
    if expected is None:
        return False
    others = list(differences(expected, made))
    if not others:
        echo(
            "Every outcome is the expected one. What differs is what they were made with: Python "
            f"({result.python or 'unknown'} there), packages, SeqSWE; or a patch."
        )
        return True
    echo(f"{len(others)} outcomes differ:")
    for line in others[:SHOWN]:
        echo(f"  {line}")
    if len(others) > SHOWN:
        echo(f"  and {len(others) - SHOWN} more")
    return False


def _submission(found: ResultSet, run: Path) -> bool:
    """Answer for a run directory: which result it is, or where it stands."""
    from seqswe.comparison.baseline import read
    from seqswe.comparison.crashes import check_crashes
    from seqswe.comparison.result_set import another_question, asked_otherwise
    from seqswe.comparison.standing import standings

    made = read(run)
    check_crashes({str(run): made.known_crashes()}, "Correct the agent and run it again.")
    for result in found.results.values():
        if result.is_of(made.results_digest):
            return _told(result, None, made)
    over_these = found.over_the_tasks_of(made)
    rows = [(name, kept) for name, kept in over_these if not another_question(kept, made)]
    for name, kept in rows:
        if not asked_otherwise(kept, made):
            return _told(found.result(name), kept, made)
    echo(f"{run}: complete, its digests hold, results {made.results_digest}")
    if not rows:
        echo(_incomparable(over_these, made))
        return True
    for line in _table(standings([(str(run), made), *rows]), str(run)):
        echo(line)
    return True


def _incomparable(over_these: Sequence[tuple[str, Baseline]], made: Baseline) -> str:
    """Why nothing in the set was asked the same, given what is over the same tasks."""
    from seqswe.comparison.result_set import another_question

    if not over_these:
        return "Nothing in the set is over these tasks: there is nothing to hold it against."
    near = [(name, another_question(row, made)) for name, row in over_these]
    name, others = min(near, key=lambda pair: len(pair[1]))
    told = "; ".join(f"{k} {b!r}, not {a!r}" for k, (a, b) in others.items())
    return f"Nothing in the set was asked the same. Nearest is {name}, which differs in: {told}"


def _table(found: Sequence[Standing], mine: str) -> list[str]:
    from seqswe.analysis.words import difference, value

    lines = ["Where it stands, by its lift over the i.i.d. arm (95 % interval):"]
    for s in found:
        low, high = (difference(s.outcome, x) for x in (s.lift.overall.low, s.lift.overall.high))
        mark = "> " if s.name == mine else "  "
        shown = difference(s.outcome, s.lift.overall.estimate)
        arms = " → ".join(value(s.outcome, a.estimate) for a in (s.lift.iid, s.lift.sequential))
        lines.append(f"{mark}{s.memory:20} {shown:>12} ({low} to {high})  {arms}  {s.name}")
    return lines
