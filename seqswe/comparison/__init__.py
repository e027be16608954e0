"""Runs held against each other: two for a gate in CI, many as a history.

Imports `analysis` and what that imports; knows nothing of reports. Start at `compare.py`;
`baseline.py` keeps a run as one small file; `history.py` finds where a level changed.
"""
