"""From the journals of finished runs to everything a report prints: one frozen `Analysis`.

Imports `runs` and `statistics`. Start at `build.py`; `model.py` says what an analysis holds.
"""

from seqswe.analysis.build import analyse
from seqswe.analysis.model import (
    Analysis,
    ArmOutcome,
    ArmResult,
    Contrast,
    Efficiency,
    FailureCount,
    Probe,
    RepeatCount,
    RunResult,
    Scale,
    Secondary,
    SweBenchClMetrics,
    VerdictCount,
)

__all__ = [
    "Analysis",
    "ArmOutcome",
    "ArmResult",
    "Contrast",
    "Efficiency",
    "FailureCount",
    "Probe",
    "RepeatCount",
    "RunResult",
    "Scale",
    "Secondary",
    "SweBenchClMetrics",
    "VerdictCount",
    "analyse",
]
