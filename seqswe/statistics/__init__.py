"""The statistics of a comparison: pure functions on arrays of outcomes, (tasks, runs).

Imports no other room, and scipy only when it computes. Start at `lift.py`: `compare_arms` is
the front door; `twoway.py` holds the primary estimator, `planning.py` is for `seqswe plan`.
"""

from seqswe.statistics.arrays import drop_missing, shared_tasks
from seqswe.statistics.classic import (
    SWE_BENCH_CL_WARNING,
    SweBenchCl,
    maximum_forgetting,
    pass_at_k,
    pass_hat_k,
    swe_bench_cl,
)
from seqswe.statistics.cost import Practice, Ratio, cost_per_resolved, cost_ratio, law_of_practice
from seqswe.statistics.curve import Curve, arm_curve, lift_curve
from seqswe.statistics.diagnostics import (
    ArmNoise,
    Diagnostics,
    arm_noise,
    diagnose,
    intraclass_correlation,
    run_effect_p,
)
from seqswe.statistics.lift import Lift, compare_arms, compare_memories, late_lift
from seqswe.statistics.looks import alpha_of_look
from seqswe.statistics.multiplicity import holm
from seqswe.statistics.pooling import (
    MINIMUM_CODEBASES,
    MINIMUM_TESTED,
    Pooled,
    Standings,
    pool,
    standings,
)
from seqswe.statistics.power import (
    PowerPlan,
    detectable_effect,
    power_of,
    smallest_effect,
)
from seqswe.statistics.secondary import (
    Threshold,
    cold_start_penalty,
    gap_closed,
    jumpstart,
    regret,
    run_permutation,
    time_to_threshold,
)
from seqswe.statistics.sequential import ConfidenceSequence, confidence_sequence
from seqswe.statistics.shares import share_difference, share_interval
from seqswe.statistics.transfer import (
    backward_transfer,
    dose_response,
    dose_slope,
    forward_transfer,
)
from seqswe.statistics.twoway import (
    MINIMUM_RUNS,
    Estimate,
    Term,
    combine,
    interval_mean,
    log_position_design,
    position_design,
    stream_interval,
    two_way,
)
from seqswe.statistics.verdict import EQUIVALENCE_MARGIN, LiftVerdict, Word, judge

__all__ = [
    "EQUIVALENCE_MARGIN",
    "MINIMUM_CODEBASES",
    "MINIMUM_RUNS",
    "MINIMUM_TESTED",
    "SWE_BENCH_CL_WARNING",
    "ArmNoise",
    "ConfidenceSequence",
    "Curve",
    "Diagnostics",
    "Estimate",
    "Lift",
    "LiftVerdict",
    "Pooled",
    "PowerPlan",
    "Practice",
    "Ratio",
    "Standings",
    "SweBenchCl",
    "Term",
    "Threshold",
    "Word",
    "alpha_of_look",
    "arm_curve",
    "arm_noise",
    "backward_transfer",
    "cold_start_penalty",
    "combine",
    "compare_arms",
    "compare_memories",
    "confidence_sequence",
    "cost_per_resolved",
    "cost_ratio",
    "detectable_effect",
    "diagnose",
    "dose_response",
    "dose_slope",
    "drop_missing",
    "forward_transfer",
    "gap_closed",
    "holm",
    "interval_mean",
    "intraclass_correlation",
    "judge",
    "jumpstart",
    "late_lift",
    "law_of_practice",
    "lift_curve",
    "log_position_design",
    "maximum_forgetting",
    "pass_at_k",
    "pass_hat_k",
    "pool",
    "position_design",
    "power_of",
    "regret",
    "run_effect_p",
    "run_permutation",
    "share_difference",
    "share_interval",
    "shared_tasks",
    "smallest_effect",
    "standings",
    "stream_interval",
    "swe_bench_cl",
    "time_to_threshold",
    "two_way",
]
