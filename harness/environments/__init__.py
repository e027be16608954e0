"""Installed packages as folders: resolved as of a date, hard-linked from one cache of wheels.

Below the ground floor: imports no other room. Start at `resolve.py` (from requirements to a lock)
and `store.py` (from a lock to a folder); nothing that is installed is executed here.
"""

from harness.environments.resolve import Resolution, resolve
from harness.environments.store import EnvironmentStore

__all__ = ["EnvironmentStore", "Resolution", "resolve"]
