"""From a patch to a verdict, in a fresh sandbox that the agent has never touched.

Ground floor: imports no other room. Start at `grade.py`; `collect.py` takes the agent's patch,
`apply.py` applies what a candidate may change, `controls.py` adds tests that must fail, `junit.py`
reads the tests' report, and `inside/` holds what runs in the sandbox.
"""

from harness.grading.collect import Collected, collect_patch
from harness.grading.grade import Grader

__all__ = ["Collected", "Grader", "collect_patch"]
