"""Engines: where rollouts run, in threads of this process or on the machines of a Ray cluster.

Between `commands` and `loop`: imports the loop and what is below it; only `ray_engine.py` imports
ray, when it is needed. Start at `engine.py`; `machine.py` is what runs on each machine.
"""
