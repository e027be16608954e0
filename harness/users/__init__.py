"""The user who can be asked: facts from gold and from the failing run, at a price.

May import `codebases` and what lies below. Start at `session.py`; `facts.py` finds the facts.
"""
