"""Memories to hold others against: nothing, everything, the latest, chance, a placebo, an oracle.

May import `retrieval` and `shared`. Start at `none.py`.
"""
