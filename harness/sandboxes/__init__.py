"""Where commands of agents and graders run: `docker` isolates, `local` does not.

Ground floor: imports no other room. Start at `container.py`, where a container is started;
`container_options.py` and `syscalls.py` say what it may do, `supervisor.py` runs inside as its main
process, `images.py` builds environments, `cleanup.py` knows what dead processes left.
"""
