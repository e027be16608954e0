"""How what a memory recalls reaches the agent: five ways, whatever the memory stores it in.

Ground floor: imports no other room. Start at `deliver.py`; `inside/` holds the programs that run
in the sandbox.
"""

from harness.delivery.deliver import Handover, check, deliver

__all__ = ["Handover", "check", "deliver"]
