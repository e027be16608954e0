"""Memories while a run goes on: built, restored, metered, snapshotted, and searched for leaks.

Ground floor: imports no other room; what a memory *is* stands in `seqswe.memory`. Start at
`memories.py`; `recall_check.py` says what may be recalled, `contamination.py` looks for gold.
"""
