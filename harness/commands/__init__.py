"""The commands that need git, sandboxes or both; `seqswe.cli` names them as strings.

One file per command; each reads options, calls the rooms below and prints. The top floor: it may
import every other room. Start at `run.py`.
"""
