"""More of a run: further seeds, tasks or arms, and what was there stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seqswe.arms import Cell
from seqswe.errors import RunDirError
from seqswe.experiment import Experiment, Plan


def widened(experiment: Experiment, given: Mapping[str, Any]) -> Experiment:
    """The settings of a run with what was given for its going on; arms are added to its own.

    Raises UsageError for settings that make no sense.
    """
    arms = tuple(dict.fromkeys((*experiment.arm, *given.get("arm", ()))))
    return replace(experiment, **{**given, "arm": arms})


def adds(old: Plan, new: Plan) -> bool:
    """Whether a plan has more rollouts than the one before it.

    Raises RunDirError if anything of the old one would be left out, or be something else.
    """
    cells = {(cell.arm, cell.seed): cell for cell in new.cells}
    for cell in old.cells:
        wider = cells.get((cell.arm, cell.seed))
        if wider is None or not _begins_with(wider, cell):
            raise RunDirError(
                f"arm {cell.arm}, seed {cell.seed} would not stay what it is: {_reason(old, new)}",
                "Give as many --seeds and tasks as the run has, or more; or start a new run.",
            )
    return new.rollouts > old.rollouts


def _begins_with(wider: Cell, cell: Cell) -> bool:
    same = wider.memory == cell.memory
    return same and tuple(wider.order[: len(cell.order)]) == tuple(cell.order)


def _reason(old: Plan, new: Plan) -> str:
    fewer = new.experiment.seeds_by_arm
    for arm, seeds in old.experiment.seeds_by_arm.items():
        if fewer[arm] < seeds:
            return f"the run has {seeds} seeds"
    if len(new.instance_ids) < len(old.instance_ids):
        return f"the run has {len(old.instance_ids)} tasks"
    return "its tasks depend on how many there are"
