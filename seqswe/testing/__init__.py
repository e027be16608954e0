"""Contract tests that the author of a memory, an agent or a sandbox runs against their own.

Imports the protocols and `runs`. Start at `memory.py`, and in a test of your own write
`class TestMine(MemoryContract): memory = "my_package.my_module:MyMemory"`.
"""

from seqswe.testing.agent import check_agent
from seqswe.testing.experiences import Experiences, experiences
from seqswe.testing.memory import MemoryContract, check_memory
from seqswe.testing.model import Says, ScriptedModel
from seqswe.testing.sandbox import SandboxContract, local_sandboxes

__all__ = [
    "Experiences",
    "MemoryContract",
    "SandboxContract",
    "Says",
    "ScriptedModel",
    "check_agent",
    "check_memory",
    "experiences",
    "local_sandboxes",
]
