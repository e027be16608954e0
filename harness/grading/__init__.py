"""From a patch to a verdict, in a fresh sandbox that the agent has never touched."""

from harness.grading.collect import collect_patch
from harness.grading.grade import Grader

__all__ = ["Grader", "collect_patch"]
