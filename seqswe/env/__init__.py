"""The stream of tasks as an environment to learn in: `SeqEnv`, stepped as gymnasium's are.

A top floor of the core: imports any room but the command line, and finds what opens sandboxes by
name. Start at `environment.py`; `actions.py` says what can be done.
"""

from seqswe.env.actions import Action, Ask, Note, Patch, Run, Submit, parse_action
from seqswe.env.environment import SeqEnv
from seqswe.env.playing import play
from seqswe.env.vector import SeqVecEnv, make_vec

__all__ = [
    "Action",
    "Ask",
    "Note",
    "Patch",
    "Run",
    "SeqEnv",
    "SeqVecEnv",
    "Submit",
    "make_vec",
    "parse_action",
    "play",
]
