"""What `seqswe new` writes: a whole memory, agent and experiment, each of which works as it stands.

Imports the protocols alone, as what is written does. Start at `memory.py`.
"""
