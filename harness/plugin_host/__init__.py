"""Memories and Python agents in processes of their own, confined, served over a pipe.

Ground floor: imports no other room. Start at `host.py`, the harness's side; `worker.py` is the
plug-in's side, `server.py` forks it, and `confinement.py` says what it may not reach.
"""
