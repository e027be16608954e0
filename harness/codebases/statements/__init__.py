"""What a task's problem statement is: the text that a person wrote, without what gives it away.

Imports `history` for commits and `grading` for patches. Start at `sources.py` (which text is
taken); `clean.py` says what is taken out of one, `news.py` and `issues.py` read two of the sources.
"""
