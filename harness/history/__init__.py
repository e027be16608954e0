"""What may be seen of the past: packs that hold exactly what a base commit reaches.

Ground floor: imports no other room. Start at `packs.py`; `leak_audit.py` finds leaks, `checkout.py`
decides which commit an agent gets, and `git.py` is the only module that calls git.
"""

from harness.history.checkout import Checkouts
from harness.history.leak_audit import Audit, audit
from harness.history.packs import History

__all__ = ["Audit", "Checkouts", "History", "audit"]
