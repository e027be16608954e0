"""The five ways by which a recall reaches the agent; they fit every memory.

Ground floor: imports no other room. Start at `deliver.py`; `inside/` holds the programs that run
in the sandbox.
"""

from harness.delivery.deliver import Handover, check, deliver

__all__ = ["Handover", "check", "deliver"]
