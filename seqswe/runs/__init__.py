"""What a run leaves behind: rollouts and their outcomes, the journal, snapshots, trajectories.

Imports the protocols at the root, `manifests` and `models`. Start at `rollout.py`, a line of the
journal; `store.py` is the only one that writes results, `outcomes.py` turns them into
numbers, and `registry.py` knows the outcomes of other packages too.
"""
