"""The statistics of a comparison: pure functions on arrays of outcomes, (tasks, runs).

`compare_arms` is the front door; `plan`-time power is in `planned_power`. Nothing here imports
scipy before it computes.
"""

from seqswe.statistics.arrays import drop_missing
from seqswe.statistics.compare import Lift, compare_arms, compare_memories, late_lift
from seqswe.statistics.curve import Curve, arm_curve, lift_curve
from seqswe.statistics.diagnostics import (
    ArmNoise,
    Diagnostics,
    arm_noise,
    diagnose,
    intraclass_correlation,
)
from seqswe.statistics.multiplicity import holm
from seqswe.statistics.power import (
    Plan,
    detectable_effect,
    planned_power,
    smallest_effect,
)
from seqswe.statistics.twoway import (
    MINIMUM_RUNS,
    Arm,
    Estimate,
    combine,
    interval_mean,
    log_position_design,
    position_design,
    two_way,
)
from seqswe.statistics.verdict import EQUIVALENCE_MARGIN, Verdict, Word, judge

__all__ = [
    "EQUIVALENCE_MARGIN",
    "MINIMUM_RUNS",
    "Arm",
    "ArmNoise",
    "Curve",
    "Diagnostics",
    "Estimate",
    "Lift",
    "Plan",
    "Verdict",
    "Word",
    "arm_curve",
    "arm_noise",
    "combine",
    "compare_arms",
    "compare_memories",
    "detectable_effect",
    "diagnose",
    "drop_missing",
    "holm",
    "interval_mean",
    "intraclass_correlation",
    "judge",
    "late_lift",
    "lift_curve",
    "log_position_design",
    "planned_power",
    "position_design",
    "smallest_effect",
    "two_way",
]
