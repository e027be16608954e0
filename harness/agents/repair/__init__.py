"""`repair`: a model-free agent that generates and validates small edits, and remembers."""

from harness.agents.repair.agent import Repair

__all__ = ["Repair"]
