"""A codebase under other names: one mapping of identifiers over a whole sequence.

Imports the ground floor only. Start at `survey.py` (which names may change, and why others may
not); `history.py` makes a clone whose every commit has the new names.
"""
