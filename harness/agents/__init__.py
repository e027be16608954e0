"""The agents that come with SeqSWE: without a model, any command line, and coding agents by name.

Ground floor: like your own agent, they import no other room. Start at `command.py`; `recipes/`
holds the coding agents that people use, `mini/` the one that runs on the host.
"""
