"""The agents that come with SeqSWE; all but `command` need no model.

Ground floor: like your own agent, they import no other room. Start at `command.py`.
"""
