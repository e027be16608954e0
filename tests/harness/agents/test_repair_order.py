"""`repair`: which edits there are, in which order, and what a recall changes about it."""

import pytest

from harness.agents.repair.inside.edits import edits
from harness.agents.repair.inside.ranking import JobKnowledge, places, ranked
from harness.agents.repair.knowledge import knowledge_of
from seqswe.memory import Recall, Recalled
from tests.harness.agents.test_repair import SOURCE, WHERE, lesson


def test_every_edit_is_python_and_differs():
    found = edits("shop.py", SOURCE, {"total", "share"})
    assert {e.function for e in found} == {"total", "share"}
    for edit in found:
        changed = edit.apply(SOURCE)
        compile(changed, "shop.py", "exec")
        assert changed != SOURCE, edit


def test_memory_moves_a_function_to_the_front():
    failing = [{"shop.py:7:total": 5, "shop.py:11:share": 9}]
    found, made = places(failing, []), edits("shop.py", SOURCE, {"total", "share"})
    known = JobKnowledge(fixes={WHERE: 4.0}, passes={WHERE: 4.0, "shop.py::share": 12.0})

    def share_of_total(known):
        firsts = [e for seed in range(9) for e in ranked(made, found, known, str(seed))[:10]]
        return sum(e.function == "total" for e in firsts) / len(firsts)

    assert share_of_total(JobKnowledge()) < 0.5 < share_of_total(known)


def test_the_seed_changes_the_order_but_not_the_edits():
    found = places([{"shop.py:7:total": 5, "shop.py:4:total": 2}], [])
    made = edits("shop.py", SOURCE, {"total"})
    orders = [ranked(made, found, JobKnowledge(), seed) for seed in "ab"]
    assert orders[0] != orders[1]
    assert set(orders[0]) == set(orders[1])


@pytest.mark.parametrize(
    ("use", "fixes", "kinds", "regressions"),
    [
        ("f", 1, 0, 0),
        ("e", 0, 1, 0),
        ("fe", 1, 1, 0),
        ("r", 0, 0, 1),
        ("fe+r", 1, 1, 1),
        ("none", 0, 0, 0),
    ],
)
def test_uses_of_memory_are_kept_apart(use, fixes, kinds, regressions):
    known = knowledge_of(Recall(items=(lesson(code="x"),)), use)
    found = (len(known.fixes), len(known.kinds), len(known.regressions))
    assert found == (fixes, kinds, regressions)
    assert bool(known.passes) == bool(fixes)


def test_what_is_known_to_have_failed_is_no_lesson():
    failed = Recalled(text="", notes=lesson().notes, files=())
    assert knowledge_of(Recall(items=(failed,)), "fe").fixes == {}


def test_a_merged_fix_counts_instead_of_the_agents_own():
    diff = "--- a/shop.py\n+++ b/shop.py\n@@ -7 +7 @@\n-    return 0\n+    return found + tax"
    known = knowledge_of(Recall(items=(lesson(text=diff),)), "fe")
    assert known.gold == (("shop.py", "return found + tax"),)
    assert known.fixes == {}


def test_notes_of_others_are_passed_over():
    items = (Recalled(text="", notes={"note": "x"}), Recalled(text=""))
    assert knowledge_of(Recall(items=items), "fe+r") == knowledge_of(Recall(), "fe+r")
