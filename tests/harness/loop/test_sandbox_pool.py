"""Sandboxes opened ahead are taken once, or removed."""

from __future__ import annotations

from harness.loop.sandbox_pool import Openings, Wanted
from seqswe.arms import Cell

CELL = Cell(arm="sequential", seed=0, order=range(3), memory="carry")


def test_what_was_opened_ahead_is_taken_or_dropped_and_nothing_stays(local, lay, history, tmp_path):
    made = []

    def watched(position, folder, label):
        made.append(label)
        return lay(position)

    openings = Openings(local, history, watched, tmp_path, 1)
    taken, dropped = (Wanted(CELL, position, for_agent=False) for position in (0, 1))
    for wanted in (taken, taken, dropped):
        openings.ahead(wanted)
    with openings.take(taken) as opened:
        assert opened.sandbox.run("git log --oneline | wc -l").text.strip() == "1"
    openings.drop(dropped)
    openings.drop(dropped)
    openings.close()
    assert len(made) <= 2, "each was opened once"
    assert not list(local._open._open) or all(box.closed for box in local._open._open)
    assert not list(tmp_path.glob("tmp*")), "its folder is gone as well"
