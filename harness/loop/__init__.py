"""The sequence loop: which rollout is next, and what happens in one.

The second floor: imports the rooms below, never `commands`. Start at `rollout.py`, which reads on
one screen; `schedule.py` decides the order, `context.py` holds what the rollouts of a run share.
"""
