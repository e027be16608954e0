"""Memories that come with SeqSWE: one file each, in rooms by kind, all registered by entry point.

They import `seqswe` and never `harness`, as your own would. Start at `retrieval/episodic.py`,
the default; `shared` holds what several of them build on.
"""
