"""Prefetched sandboxes are taken once, or removed."""

from __future__ import annotations

from harness.loop.sandbox_pool import SandboxPool, SandboxRequest
from seqswe.arms import Cell

CELL = Cell(arm="sequential", seed=0, order=range(3), memory="carry")


class Counting:
    """A provider's open, and the close of what it opened, counted."""

    def __init__(self, provider):
        self.provider, self.opened, self.closed = provider, 0, 0

    def open(self, spec):
        sandbox = self.provider.open(spec)
        self.opened += 1
        close = sandbox.close

        def counted():
            self.closed += 1
            close()

        sandbox.close = counted
        return sandbox


def test_what_was_prefetched_is_taken_or_dropped_and_nothing_stays(local, lay, history, tmp_path):
    counting = Counting(local)
    pool = SandboxPool(
        counting, history, lambda request, folder: lay(request.position), tmp_path, 1
    )
    taken, dropped = (SandboxRequest(CELL, position, for_agent=False) for position in (0, 1))
    for request in (taken, taken, dropped):
        pool.prefetch(request)
    with pool.take(taken) as opened:
        assert opened.sandbox.run("git log --oneline | wc -l").text.strip() == "1"
    pool.drop(dropped)
    pool.drop(dropped)
    pool.close()
    assert 1 <= counting.opened <= 2, "each was opened once; a dropped one perhaps not at all"
    assert counting.closed == counting.opened
    assert not list(tmp_path.glob("tmp*")), "its folder is gone as well"
