"""Every memory that ships keeps the contract that its authors hand to others."""

from seqswe.testing import MemoryContract


class TestNothing(MemoryContract):
    memory = "memory_backends.none:Nothing"
    learns = False
    budget = ""


class TestEpisodic(MemoryContract):
    memory = "memory_backends.episodic:Episodic"


class TestChroma(MemoryContract):
    memory = "memory_backends.chroma:Chroma"
    many = 500
