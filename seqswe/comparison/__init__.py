"""Two runs held against each other, for a gate in CI.

Imports `analysis` and what that imports; knows nothing of reports. Start at `compare.py`;
`baseline.py` keeps a run as one small file.
"""
