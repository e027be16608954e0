"""Student's t and the normal, as thin calls: scipy is imported only when one is needed."""

from __future__ import annotations

import numpy as np

from seqswe.statistics.arrays import FloatArray


def t_quantile(probability: float | FloatArray, dof: float | FloatArray) -> FloatArray:
    """Return the quantiles of Student's t at `probability` with `dof` degrees, broadcast."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.asarray(dof), np.asarray(probability)), dtype=np.float64)


def t_two_sided(statistic: float, dof: float) -> float:
    """Return the two-sided p-value of a t statistic."""
    from scipy.special import stdtr

    return float(2.0 * stdtr(dof, -abs(statistic)))


def f_upper_tail(statistic: float, dof1: float, dof2: float) -> float:
    """Return the chance that an F statistic with these degrees of freedom is larger."""
    from scipy.special import fdtrc

    return float(fdtrc(dof1, dof2, statistic))


def normal_cdf(value: float) -> float:
    """Return the standard normal distribution function."""
    from scipy.special import ndtr

    return float(ndtr(value))


def t_power(noncentrality: float, dof: float, alpha: float) -> float:
    """Return the power of a two-sided t test at `noncentrality` = effect / standard error."""
    from scipy.special import nctdtr

    critical = float(t_quantile(1.0 - alpha / 2.0, dof))
    return float(nctdtr(dof, -noncentrality, -critical) + nctdtr(dof, noncentrality, -critical))
