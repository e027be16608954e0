"""The agent's own memory is kept as it left it, and nothing else."""

import pytest

from memory_backends.stores.native import Native
from seqswe.memory import OWN_FILES, Experience
from seqswe.testing import experiences


def lesson(number, **files):
    told = list(experiences(number + 1))[number]
    notes = {OWN_FILES: {f".mine/{name}.md": text for name, text in files.items()}}
    return Experience(task=told.task, notes=notes if files else {})


def test_it_recalls_the_files_as_the_last_rollout_left_them(tmp_path):
    memory = Native(tmp_path)
    assert memory.recall(lesson(0).task).items == ()
    memory.record(lesson(0, a="one", b="two"))
    memory.record(lesson(1, a="one, and more"))
    (item,) = memory.recall(lesson(2).task).items
    assert (item.text, item.notes) == ("one, and more", {"path": ".mine/a.md"})
    assert item.origins == (lesson(0).task.instance_id, lesson(1).task.instance_id)


def test_a_rollout_that_says_nothing_changes_nothing(tmp_path):
    memory = Native(tmp_path)
    memory.record(lesson(0, a="one"))
    memory.record(lesson(1))
    (item,) = memory.recall(lesson(2).task).items
    assert item.text == "one"


def test_what_is_saved_is_what_is_loaded_byte_for_byte(tmp_path):
    memory, other = Native(tmp_path), Native(tmp_path)
    memory.record(lesson(0, b="ünïcode\n", a=""))
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    memory.save(first)
    other.load(first)
    other.save(second)
    assert other.recall(lesson(1).task) == memory.recall(lesson(1).task)
    assert (first / "files.json").read_bytes() == (second / "files.json").read_bytes()


@pytest.mark.parametrize("notes", [{}, {OWN_FILES: 5}, {OWN_FILES: None}])
def test_notes_of_another_kind_are_none(tmp_path, notes):
    memory = Native(tmp_path)
    memory.record(Experience(task=lesson(0).task, notes=notes))
    assert memory.recall(lesson(1).task).items == ()
