"""Bugs injected into real code: sequences whose faults recur, for agents that need no model.

Imports the ground floor only. Start at `inject.py` (how a sequence is made); `recipe.py` turns
a bug that is stored as facts into texts again.
"""
