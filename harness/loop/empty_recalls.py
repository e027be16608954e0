"""What a memory recalls when it is empty, seen before a run that borrows another's iid arm."""

from __future__ import annotations

from harness.loop.agent_model import rollout_id
from harness.loop.context import RunContext
from harness.loop.recalling import checked_recall
from harness.memory.metered import meter_of
from seqswe.arms import BASELINE, cells_of
from seqswe.experiment import Plan
from seqswe.runs.lending import EmptyRecalls, told
from seqswe.runs.snapshots import EMPTY


def see_empty_recalls(context: RunContext, plan: Plan) -> str:
    """Digest of what the empty memory recalls for every task with every seed.

    No agent runs and no sandbox is opened. Raises UsageError if seeds recall different things,
    LeakError and RolloutError as a rollout's recall does.
    """
    found = EmptyRecalls(plan.experiment.memory)
    for seed in sorted({cell.seed for cell in plan.cells}):
        (cell,) = cells_of(BASELINE, seed, len(plan.instance_ids))
        for position, instance in enumerate(context.instances):
            name = rollout_id(cell, position, instance.instance_id).name
            memory = context.memories.at(cell, EMPTY)
            memory.pay_with(meter_of(context.experiment, name))
            recall = checked_recall(context, cell, instance.task(position), memory, EMPTY)
            found.see(instance.instance_id, told(recall))
    return found.digest
