"""Transfer and retention, from arms made to show them: frozen snapshots and replays.

Nothing here takes a maximum over noisy single passes (see `classic`): each number is a paired 2W
estimate between two arms on the same tasks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, on_shared_tasks
from seqswe.statistics.twoway import Estimate, Term, combine, part_lift, two_way


def forward_transfer(
    frozen: ArrayLike, iid: ArrayLike, *, learnt: int, coupled: bool = False
) -> Estimate:
    """Return what the memory after `learnt` tasks is worth on the tasks that follow.

    `frozen` (N, K1) ran every task with that snapshot, read-only; `iid` (N, K0) with an empty one.
    Rows up to `learnt` are left out, whatever they hold: the snapshot has seen them. Raises
    ValueError when fewer than two tasks follow, and as `two_way` does.
    """
    y1, y0 = _columns(frozen), _columns(iid)
    _check_some_follow(learnt, len(y1))
    return part_lift(y1, y0, slice(learnt, None), coupled=coupled)


def dose_response(
    frozen: Mapping[int, ArrayLike], iid: ArrayLike, *, common: bool = True, coupled: bool = False
) -> dict[int, Estimate]:
    """Return the forward transfer of each snapshot, keyed by the tasks it learnt from.

    With `common`, all doses are measured on the tasks after the largest one, so that difficulty
    cannot pass for dose. Raises ValueError as `forward_transfer` does.
    """
    largest = max(frozen, default=0)
    return {
        dose: forward_transfer(
            frozen[dose], iid, learnt=largest if common else dose, coupled=coupled
        )
        for dose in sorted(frozen)
    }


def dose_slope(frozen: Mapping[int, ArrayLike]) -> Estimate | None:
    """Return the outcome gained per e-fold of 1 + tasks learnt, on the tasks after all of them.

    `frozen` maps the tasks learnt to outcomes (N, K), the same seeds in each: the snapshots of one
    seed come from one chain, so they are paired by seed. It is the OLS slope on log(1 + m) over the
    doses m, a 2W contrast. None under two doses or two tasks.
    """
    doses = sorted(frozen)
    log_dose: FloatArray = np.log1p(np.asarray(doses, dtype=np.float64))
    centred = log_dose - log_dose.mean()
    tails = [_columns(frozen[dose])[doses[-1] :] for dose in doses]
    arms = on_shared_tasks(*tails, coupled=True) if len(doses) >= 2 else None
    if arms is None:
        return None
    factors = centred / (centred @ centred)
    terms = [Term(values=y, factor=float(c)) for y, c in zip(arms, factors, strict=True)]
    return combine(terms, coupled=True)


def backward_transfer(
    replay: ArrayLike, first_pass: ArrayLike, *, coupled: bool = False
) -> Estimate:
    """Return replay − first pass over the same early tasks: negative is forgetting.

    `replay` (M, K1) re-ran the tasks with the final memory, `first_pass` (M, K0) are the same
    tasks inside the sequence. Raises ValueError as `two_way` does.
    """
    return two_way(replay, first_pass, coupled=coupled)


def _columns(values: ArrayLike) -> FloatArray:
    """Outcomes (N, K) of an arm that need not have run every task."""
    array: FloatArray = np.asarray(values, dtype=np.float64)
    return array[:, np.newaxis] if array.ndim == 1 else array


def _check_some_follow(learnt: int, n: int) -> None:
    if not 0 <= learnt <= n - 2:
        raise ValueError(f"After {learnt} of {n} tasks nothing is left to transfer to.")
