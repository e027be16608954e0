"""From a repository to a sequence of instances: found, mined, validated, read from the clone.

Imports `injection` and the ground floor. Start at `candidates.py` (which commits are mined) and
`validate.py` (how one is proved); `environment.py` tells what a commit needs installed.
"""
