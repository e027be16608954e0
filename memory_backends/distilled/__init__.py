"""Memories that write down what they learned, by a model or by rule, as published methods do.

May import `shared`. Start at `reasoning_bank.py`; `shared/items.py` has what they have in common.
"""
