"""Transcripts of command line agents, read into steps of ATIF.

What a program left behind is foreign text: a line that cannot be read is passed over. Imports the
protocols alone. Start at `account.py`; one module for each form of transcript.
"""

from harness.agents.recipes.transcripts.account import Account
from harness.agents.recipes.transcripts.read import read_transcript

__all__ = ["Account", "read_transcript"]
