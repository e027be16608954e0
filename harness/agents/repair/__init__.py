"""`repair`: a model-free agent that generates and validates small edits, and remembers.

Imports no other room. Start at `agent.py`; what runs in the sandbox lies in `inside/`.
"""

from harness.agents.repair.agent import Repair

__all__ = ["Repair"]
