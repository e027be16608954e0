"""Memories that keep every experience and recall those most like the task at hand.

May import `shared`. Start at `episodic.py`, which needs no model.
"""
