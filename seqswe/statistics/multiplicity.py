"""Several memories against one baseline: the family-wise error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seqswe.statistics.arrays import FloatArray


def holm(p_values: ArrayLike) -> FloatArray:
    """Return Holm's adjusted p-values (M,), in the order given: reject where one is < alpha.

    Source: Holm (1979). Raises ValueError unless every value lies in [0, 1].
    """
    p: FloatArray = np.asarray(p_values, dtype=np.float64).ravel()
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise ValueError("Holm needs p-values in [0, 1]: leave out comparisons that have none.")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
