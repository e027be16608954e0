"""The agents that come with SeqSWE; all but `command` need no model.

Ground floor: imports no other room, as anybody's own agent would not. Start at `command.py`.
"""
