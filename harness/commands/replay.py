"""`seqswe replay`: one rollout of a run again, from any snapshot of its memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from harness.loop.context import RunContext, check_keys
from harness.loop.loaded_experiment import LoadedExperiment
from harness.loop.rollout import run_rollout
from harness.sandboxes.provider import open_provider
from seqswe.arms import SEQUENTIAL, Cell, Frozen
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.errors import IncompleteError, UsageError
from seqswe.experiment import Plan
from seqswe.runs.outcomes import first_gold_rank, located
from seqswe.runs.rollout import CAUSES, Rollout
from seqswe.runs.snapshots import EMPTY
from seqswe.runs.store import RunDirectory, dump

SHOWN = 5
"""Files of a ranking that are printed."""
WIDE = 31
"""Characters of a column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """Which rollout, and from which snapshot: `old` as it was, `cell` as it is to be."""

    old: Rollout
    cell: Cell
    snapshot: str
    lessons_before: int
    """Lessons that the old rollout's memory held."""

    @property
    def diagnostic(self) -> bool:
        """Whether the snapshot holds lessons that the task could not have had in its place."""
        return any(lesson >= self.old.position for lesson in self.cell.taught(self.old.position))


@click.command()
@click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
@setting_options("mirror")
@click.option("--task", required=True, metavar="NUMBER|ID", help="Its number, from 1, or its id.")
@click.option(
    "--memory-from",
    required=True,
    metavar="TASKS|empty|before|final",
    help="The memory after N tasks of the run; before: as it was when this task came.",
)
@click.option("--arm", default="", help="Arm of the rollout. Default: sequential, or the only one.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--out", type=click.Path(path_type=Path), help="New folder to keep the rollout in.")
def replay(
    run_directory: Path,
    mirror: str,
    task: str,
    memory_from: str,
    arm: str,
    seed: int,
    out: Path | None,
) -> None:
    """Run one rollout of RUN again with the memory of another moment, and compare the two.

    Same agent, settings and sandbox; RUN itself stays as it is. With a memory that holds lessons
    of the task itself or of later ones, the answer is diagnostic: it is no result.
    """
    store = RunDirectory.open(run_directory)
    if out:
        RunDirectory.check_new(out)
    experiment = store.info.experiment
    experiment = replace(experiment, mirror=mirror or experiment.mirror, speculate=1)
    loaded = LoadedExperiment.load(experiment, store.root)
    loaded.try_plugins()
    store.check_sequence(loaded.digest())
    request = _replay_request(
        store, loaded.plan, arm=arm, seed=seed, task=task, memory_from=memory_from
    )
    with open_provider(experiment.sandbox_choice) as provider, TemporaryDirectory() as folder:
        kept = RunDirectory(Path(folder), store.info)
        kept.snapshots = store.snapshots
        with loaded.context(kept, provider, past=store) as context:
            check_keys(store, context, [request.old])
            new = _again(context, request)
        if out:
            rollout_folder = kept.folder(new.arm, seed, new.position, new.instance_id)
            shutil.copytree(rollout_folder, out, dirs_exist_ok=True)
            rollouts = {"old": request.old.as_json(), "new": new.as_json()}
            data = {"diagnostic": request.diagnostic, "memory_from": memory_from, **rollouts}
            (out / "replay.json").write_text(dump(data), encoding="utf-8")
    for line in _side_by_side(request, new):
        echo(line)
    if out:
        echo(out)


def _position(ids: Sequence[str], task: str) -> int:
    """Where a task stands in the sequence, from 0. Raises UsageError for none of it."""
    if task in ids:
        return ids.index(task)
    if task.isdecimal() and 1 <= int(task) <= len(ids):
        return int(task) - 1
    raise UsageError(
        f"the run has no task {task!r:.80}",
        f"Give a number from 1 to {len(ids)}, or the id of an instance.",
    )


def _replay_request(
    store: RunDirectory, plan: Plan, *, arm: str, seed: int, task: str, memory_from: str
) -> ReplayRequest:
    """The rollout and snapshot that the options name. Raises UsageError if the run lacks one."""
    position = _position(plan.instance_ids, task)
    cells = {(cell.arm, cell.seed): cell for cell in plan.cells}
    arms = list(dict.fromkeys(cell.arm for cell in plan.cells))
    arm = arm or (SEQUENTIAL if SEQUENTIAL in arms else arms[0])
    cell = cells.get((arm, seed))
    if cell is None:
        raise UsageError(
            f"{store.root} has no arm {arm!r} with seed {seed}",
            f"Arms: {', '.join(arms)}; seeds: 0 to {max(seed for _, seed in cells)}.",
        )
    if cell.memory == "absent":
        raise UsageError(f"arm {arm!r} has no memory to exchange", "Choose another --arm.")
    if position not in cell.order:
        raise UsageError(
            f"arm {arm!r} has no task {position + 1}",
            f"Its tasks are {min(cell.order) + 1} to {max(cell.order) + 1}.",
        )
    done = {(r.arm, r.seed, r.position): r for r in store.journal().rollouts if r.graded}
    old = done.get((arm, seed, position))
    if old is None:
        raise UsageError(
            f"the rollout of arm {arm!r}, seed {seed}, task {position + 1} is not finished",
            f"Go on with `seqswe resume {store.root}`.",
        )
    snapshot, lessons = _snapshot_at(store, done, cells, old, memory_from)
    again = Cell(arm=arm, seed=seed, order=(position,), memory=Frozen(lessons=lessons))
    return ReplayRequest(
        old=old, cell=again, snapshot=snapshot, lessons_before=len(cell.taught(position))
    )


def _snapshot_at(
    store: RunDirectory,
    done: Mapping[tuple[str, int, int], Rollout],
    cells: Mapping[tuple[str, int], Cell],
    old: Rollout,
    memory_from: str,
) -> tuple[str, Sequence[int]]:
    """The snapshot that --memory-from names, and the lessons it holds. Raises UsageError."""
    cell = cells[old.arm, old.seed]
    if memory_from == "before":
        # What it started from need not be a moment of the chain: a lesson may be left out of it.
        return old.memory_before, tuple(cell.taught(old.position))
    chain = cell if cell.carries_memory else cells.get((SEQUENTIAL, old.seed))
    order = chain.order if chain else ()
    count = _count(memory_from, len(order))
    if not chain or not count:
        return EMPTY, ()
    last = done.get((chain.arm, old.seed, order[count - 1]))
    if last is None:
        raise UsageError(
            f"arm {chain.arm!r}, seed {old.seed} has not come to {count} tasks yet",
            f"Go on with `seqswe resume {store.root}`.",
        )
    return last.memory_after, order[:count]


def _count(memory_from: str, most: int) -> int:
    named = {"empty": 0, "final": most}
    if memory_from in named:
        return named[memory_from]
    if not memory_from.isdecimal() or int(memory_from) > most:
        reason = f"this run has no memory snapshot after {memory_from} tasks"
        raise UsageError(
            reason if memory_from.isdecimal() else f"--memory-from {memory_from!r} is not a number",
            f"Give 0 to {most}, empty, before or final."
            + ("" if most else " Only a run with --arm sequential has snapshots."),
        )
    return int(memory_from)


def _again(context: RunContext, request: ReplayRequest) -> Rollout:
    for _ in range(context.experiment.retries + 1):
        new = run_rollout(context, request.cell, request.old.position, request.snapshot)
        if new.failure is None or not CAUSES[new.failure.cause].retry:
            break
    if not new.graded:
        reason = f"{new.failure.cause}: {new.failure.detail[:200]}" if new.failure else "no verdict"
        raise IncompleteError(f"the rollout has no verdict ({reason})", "Try again.")
    return new


def _side_by_side(request: ReplayRequest, new: Rollout) -> Iterator[str]:
    old, lessons = request.old, len(request.cell.taught(request.old.position))
    yield f"task {old.position + 1} {old.instance_id}, arm {old.arm}, seed {old.seed}"
    if request.diagnostic:
        yield (
            "DIAGNOSTIC: this memory holds lessons of the task itself or of later ones; "
            "what comes out is no result."
        )
    yield from _row("", ["then"], ["now"])
    yield from _row("memory of", [f"{request.lessons_before} tasks"], [f"{lessons} tasks"])
    for name, value in _FACTS.items():
        yield from _row(name, value(old), value(new))


def _row(name: str, left: Iterable[str], right: Iterable[str]) -> Iterator[str]:
    for number, (a, b) in enumerate(zip_longest(left, right, fillvalue="")):
        yield f"{'' if number else name:16}{_fit(a):{WIDE}}{_fit(b)}".rstrip()


def _fit(text: str) -> str:
    # The end of a path tells more than its start.
    return text if len(text) < WIDE else "…" + text[2 - WIDE :]


_FACTS: Mapping[str, Callable[[Rollout], list[str]]] = {
    "verdict": lambda r: ["resolved" if r.resolved else "unresolved"],
    "failure": lambda r: [r.failure.cause] if r.failure else ["-"],
    "first gold file": lambda r: [str(first_gold_rank(r) or "-")],
    "files named": lambda r: list(located(r)[:SHOWN]) or ["-"],
    "recalled": lambda r: [f"{r.recalled} items, {r.recalled_bytes} bytes"],
    "recalled from": lambda r: list(r.recalled_from[:SHOWN]) or ["-"],
    "steps": lambda r: [str(r.usage.steps)],
}
"""What is compared, and how it is read from a rollout."""
