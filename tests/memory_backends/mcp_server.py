"""A memory server over stdio for tests: the project's own, without a budget, in its home."""

import os
import sys
from pathlib import Path

# Not by its package, whose imports would take longer than the test.
sys.path.insert(0, str(Path(__file__).parents[2] / "harness" / "delivery" / "inside"))
import memory

memory.WRITE_BYTES = memory.SHOWN = 10**9
kind = sys.argv[1]
if kind == "dies":
    sys.exit("it has no licence")
if kind == "two":
    memory.TOOLS.append({**memory.TOOLS[0], "name": "memory_find"})
if kind == "mute":
    sys.stdin.read()
memory.Server(memory.Store(os.environ["HOME"])).serve(sys.stdin, sys.stdout)
