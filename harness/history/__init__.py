"""What may be seen of the past: packs that hold exactly what a base commit reaches."""

from harness.history.audit import Audit, audit
from harness.history.delivery import Delivery
from harness.history.packs import History

__all__ = ["Audit", "Delivery", "History", "audit"]
