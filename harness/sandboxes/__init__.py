"""Where commands of agents and graders run: `docker` isolates, `local` does not.

Ground floor: imports no other room. Start at `docker.py`, where a container is started; `images.py`
builds environments, `supervisor.py` runs inside, `cleanup.py` knows what dead processes left.
"""
