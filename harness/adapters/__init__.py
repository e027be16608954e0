"""Doors to other people's frameworks, one file each; nothing of SeqSWE imports them.

A top floor: each may import `seqswe.env`, the command line's options and words, and the framework
it is for. Start at `gym.py`.
"""
