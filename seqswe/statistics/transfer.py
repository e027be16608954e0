"""Transfer and retention, from arms made to show them: frozen snapshots and replays.

Nothing here takes a maximum over noisy single passes (see `classic`): each number is a paired 2W
estimate between two arms on the same tasks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import as_outcomes, same_tasks
from seqswe.statistics.twoway import Estimate, two_way


def forward_transfer(frozen: ArrayLike, iid: ArrayLike, *, learnt: int) -> Estimate:
    """Return what the memory after `learnt` tasks is worth on the tasks that follow.

    `frozen` (N, K1) ran every task with that snapshot, read-only; `iid` (N, K0) with an empty one.
    Rows up to `learnt` are left out, whatever they hold: the snapshot has seen them. Raises
    ValueError when fewer than two tasks follow, and as `two_way` does.
    """
    n = len(np.asarray(frozen))
    if not 0 <= learnt <= n - 2:
        raise ValueError(f"After {learnt} of {n} tasks nothing is left to transfer to.")
    y1 = as_outcomes(np.asarray(frozen)[learnt:], "frozen")
    y0 = as_outcomes(np.asarray(iid)[learnt:], "iid")
    same_tasks(y1, y0)
    return two_way(y1, y0)


def dose_response(
    frozen: Mapping[int, ArrayLike], iid: ArrayLike, *, common: bool = True
) -> dict[int, Estimate]:
    """Return the forward transfer of each snapshot, keyed by the tasks it learnt from.

    With `common`, all doses are measured on the tasks after the largest one, so that difficulty
    cannot pass for dose. Raises ValueError as `forward_transfer` does.
    """
    largest = max(frozen, default=0)
    return {
        dose: forward_transfer(frozen[dose], iid, learnt=largest if common else dose)
        for dose in sorted(frozen)
    }


def backward_transfer(replay: ArrayLike, first_pass: ArrayLike) -> Estimate:
    """Return replay − first pass over the same early tasks: negative is forgetting.

    `replay` (M, K1) re-ran the tasks with the final memory, `first_pass` (M, K0) are the same
    tasks inside the sequence. Both arms carry a memory, so both are clustered by run. Raises
    ValueError as `two_way` does.
    """
    return two_way(replay, first_pass, baseline_carries=True)
