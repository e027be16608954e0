"""Doors to other people's frameworks, one file each; nothing of SeqSWE imports them.

A top floor: each may import `seqswe` and the framework it is for, and no other room of `harness`,
but `swerex.py`, which builds on `sandboxes`. Start at `gym.py`.
"""
