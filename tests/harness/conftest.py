"""The demo codebase's history, laid out for sandboxes."""

from itertools import count

import pytest

from harness.history import History
from seqswe.sandbox import Limits, SandboxSpec


@pytest.fixture(scope="session")
def history(ledgerlite, clone, cache):
    """The packs of the demo codebase's sequence."""
    bases = [record.base_commit for record in ledgerlite.instances]
    return History(clone, bases, cache / "history" / "ledgerlite")


@pytest.fixture
def lay(history, ledgerlite, tmp_path):
    """Makes the specification of a sandbox at a position of the sequence."""
    numbers = count()

    def make(position=0, **limits):
        record = ledgerlite.instances[position]
        limits = {"memory_mb": 512, "disk_mb": 64, "pids": 64, **limits}
        return SandboxSpec(
            environment=ledgerlite.environment(record.environment),
            checkout=history.checkout(record.base_commit, tmp_path / f"objects-{next(numbers)}"),
            limits=Limits(**limits),
            labels={"run": "tests", "task": record.instance_id},
        )

    return make
