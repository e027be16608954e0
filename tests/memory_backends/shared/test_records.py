"""Records: what is kept of an experience, and how it is told again."""

import json
from dataclasses import replace

import pytest

from memory_backends.controls.recency import Recency
from memory_backends.shared.records import DROPPED, NAME, Record, budgeted, read_records
from seqswe.errors import RunDirError, UsageError
from seqswe.manifests.read import Entry
from seqswe.memory import Experience, Recalled
from seqswe.runs.snapshots import Snapshots
from seqswe.testing import experiences

PLAIN = experiences(0).at(1)


def test_a_record_survives_its_line():
    record = Record.of(PLAIN)
    entry = Entry(value=json.loads(record.line()), where="records.jsonl, line 1")
    assert Record.read(entry) == record


def test_files_of_a_known_failure_are_no_lesson():
    failed = Experience(task=PLAIN.task, edited_files=("a.py",), resolved=False)
    assert Record.of(failed).files == ()
    assert Record.of(replace(failed, resolved=None)).files == ("a.py",)
    assert Record.of(replace(failed, gold_files=("b.py",))).files == ("b.py",)


def test_nothing_withheld_is_kept():
    """What the feedback policy left out is in no line."""
    record = Record.of(Experience(task=PLAIN.task))
    assert (record.resolved, record.fix, record.output, record.files) == (None, "", "", ())


def test_text_says_what_happened():
    text = Record.of(replace(PLAIN, notes={"note": "look at\nthe cache"})).text()
    assert text.startswith(f"Earlier issue {PLAIN.task.instance_id} (resolved): Session")
    assert "Files of its fix: src/house/session.py" in text
    assert text.endswith("Note: look at the cache")


def test_fix_lines_show_the_start_of_the_fix():
    assert Record.of(PLAIN).text(fix_lines=2).endswith("+++ b/src/house/session.py")


def test_notes_come_back_untouched(tmp_path):
    memory = Recency(tmp_path, k=1)
    notes = {"edits": [["a.py", 3, {"old": "é"}]], "n": 1.5}
    memory.record(replace(PLAIN, notes=notes))
    memory.save(tmp_path)
    memory.load(tmp_path)
    assert memory.recall(PLAIN.task).items[0].notes == notes


def test_a_budget_cuts_the_first_item_and_drops_the_rest():
    items = [Recalled(text="aé" * 5, score=2, origins=("x",)), Recalled(text="b", score=1)]
    assert [i.text for i in budgeted(items, 18).items] == ["aé" * 5, "b"]
    assert not budgeted(items, 18).truncated
    assert [i.text for i in budgeted(items, 17).items] == ["aé" * 5]
    assert budgeted(items, 5).items == (replace(items[0], text="aéa"),)
    assert budgeted(items, 0).items == ()
    assert budgeted(items, 17).truncated


@pytest.mark.parametrize("content", ["{", '{"instance_id": 1}\n', "[]\n", "\x80"])
def test_damage_is_said(tmp_path, content):
    (tmp_path / NAME).write_bytes(content.encode("latin-1"))
    with pytest.raises(RunDirError, match=NAME):
        read_records(tmp_path / NAME)


@pytest.mark.parametrize(
    "options",
    [{"k": 0}, {"k": "3"}, {"k": True}, {"max_bytes": -1}, {"max_stored_bytes": 999}],
)
def test_wrong_options_are_refused(tmp_path, options):
    with pytest.raises(UsageError, match="memory option"):
        Recency(tmp_path, **options)


def test_a_bound_on_stored_bytes_drops_the_oldest_and_says_how_many(tmp_path):
    memory = Recency(tmp_path, max_stored_bytes=5000)
    for experience in experiences(40):
        memory.record(experience)
    kept = [record.position for record in memory.records]
    assert kept == list(range(40 - len(kept), 40))
    assert 0 < len(kept) < 40
    memory.save(tmp_path)
    assert json.loads((tmp_path / DROPPED).read_text()) == {"dropped": 40 - len(kept)}
    copy = Recency(tmp_path, max_stored_bytes=5000)
    copy.load(tmp_path)
    assert copy.dropped == 40 - len(kept)
    copy.load(tmp_path / "nowhere")
    assert copy.dropped == 0


def test_one_record_may_fill_the_bound_but_not_burst_it(tmp_path):
    for size, kept in ((900, 1), (5000, 0)):
        memory = Recency(tmp_path, max_stored_bytes=1500)
        task = replace(PLAIN.task, problem_statement="x" * size)
        memory.record(replace(PLAIN, task=replace(task, instance_id="before")))
        memory.record(replace(PLAIN, task=task))
        assert len(memory.records) == kept
        assert memory.dropped == 2 - kept


def test_damage_of_the_count_is_said(tmp_path):
    (tmp_path / DROPPED).write_text("[]")
    with pytest.raises(RunDirError, match=DROPPED):
        Recency(tmp_path).load(tmp_path)


def test_all_snapshots_of_a_long_sequence_cost_less_than_three_final_states(tmp_path):
    memory, snapshots, parent = Recency(tmp_path), Snapshots(tmp_path / "snapshots"), None
    for count, experience in enumerate(experiences(1000)):
        memory.record(experience)
        folder = tmp_path / f"state{count % 2}"
        folder.mkdir(exist_ok=True)
        memory.save(folder)
        parent = snapshots.put(folder, parent) if parent else snapshots.put(folder)
    assert snapshots.bytes_stored() < 3 * (folder / NAME).stat().st_size
    restored = tmp_path / "restored"
    restored.mkdir()
    snapshots.get(parent, restored)
    assert (restored / NAME).read_bytes() == (folder / NAME).read_bytes()


def test_records_are_lines_of_json(tmp_path):
    memory = Recency(tmp_path)
    memory.record(PLAIN)
    memory.save(tmp_path)
    assert json.loads((tmp_path / NAME).read_text())["instance_id"] == PLAIN.task.instance_id
