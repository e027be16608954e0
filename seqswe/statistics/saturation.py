"""When a lift stops growing: the knot of a hinge, with the knots that fit as well."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray, as_outcomes, same_tasks
from seqswe.statistics.inversion import Candidates, Compatible, invert

FEWEST = 30
"""Tasks under which a knot is not looked for."""
MARGIN = 5
"""Tasks on either side of a knot, at least."""
KNOTS = 30
"""Candidates over the sequence, about."""


def saturation_point(
    sequential: ArrayLike, iid: ArrayLike, *, coupled: bool = False
) -> Compatible | None:
    """Return the task x* from which on D = a + b·min(i, x*), b > 0, grows no more, from 1.

    Outcomes (N, K1) and (N, K0) in sequence order; D is the paired lift. The last candidate is N
    itself, a lift that grows to the end: where it is not refused, `high` is None and nothing is
    shown to saturate. An open `low` means that it may have been at its height from the start. None
    under `FEWEST` tasks. Source: a hinge by least squares (Hinkley 1971), its interval by
    `inversion`. Raises ValueError as `two_way` does.
    """
    y1, y0 = as_outcomes(sequential, "sequential"), as_outcomes(iid, "iid")
    n = same_tasks(y1, y0)
    if n < FEWEST:
        return None
    task: FloatArray = np.arange(1.0, n + 1.0)
    knots = np.append(np.unique(np.linspace(MARGIN, n - MARGIN, KNOTS).round()), n)
    candidates = Candidates(
        values=knots,
        # Half as far along from the start, and half of the way to the end.
        smaller=knots / 2.0,
        larger=np.where(knots < n, (knots + n) / 2.0, np.nan),
    )
    return invert(y1, y0, lambda knot: np.minimum(task, knot), candidates, coupled=coupled)
