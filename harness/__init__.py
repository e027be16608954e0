"""Works on real repositories: their history, their tests, their sandboxes, and the loop.

The folders tell the story from top to bottom: `commands` → `loop` → `codebases` → `injection` →
`agents`, `delivery`, `grading`, `history`, `memory`, `sandboxes`. Start at `loop/rollout.py`.
"""
