"""From a repository to a sequence of instances: mined, validated, read from the clone.

Imports `injection` and the ground floor. Start at `mining.py` (which commits are mined) and
`validate.py` (how one is proved); `infer.py` writes the manifest of a repository that has none.
"""
