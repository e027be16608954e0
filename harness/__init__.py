"""Works on real repositories: their history, their tests, their sandboxes, and the loop.

The folders tell the story from top to bottom: `commands`, `loop`, `codebases`, `injection`, and a
ground floor of rooms that import no other. All import `seqswe`. Start at `loop/rollout.py`.
"""
