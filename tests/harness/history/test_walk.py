"""One pass over a history: merges by their first parent, odd names, odd messages."""

import pytest

from harness.history.git import Clone
from harness.history.walk import Diffs, diff, walk
from tests.harness.projects import commit, git


@pytest.fixture
def folder(tmp_path):
    commit(tmp_path, {"a.py": "1\n"}, "first", day=0)
    return tmp_path


def test_a_step_has_its_message_date_and_changes(folder):
    sha = commit(folder, {"a.py": "2\n", ":b\n c.py": "1\n"}, "Mend\n\n:100644 x\n\x1eb", day=1)
    first, second = walk(Clone(folder), "HEAD")
    assert (first.message.strip(), first.parents) == ("first", ())
    assert [(c.path, c.status) for c in first.changes] == [("a.py", "A")]
    assert second.commit == sha
    assert second.parents == (first.commit,)
    assert second.message.strip() == "Mend\n\n:100644 x\n\x1eb"
    assert second.date.isoformat() == "2024-01-02T00:00:00+00:00"
    assert {(c.path, c.status) for c in second.changes} == {("a.py", "M"), (":b\n c.py", "A")}
    assert sorted(len(c.blobs) for c in second.changes) == [1, 2]


def test_a_merge_changes_what_it_brings_to_its_first_parent(folder):
    git(folder, "checkout", "-q", "-b", "side")
    commit(folder, {"side.py": "1\n"}, day=1)
    git(folder, "checkout", "-q", "main")
    commit(folder, {"main.py": "1\n"}, day=2)
    git(folder, "merge", "-q", "--no-ff", "-m", "Merge", "side", day=3)
    *_, merge = walk(Clone(folder), "HEAD")
    assert len(merge.parents) == 2
    assert merge.paths == ("side.py",)
    assert len(walk(Clone(folder), "HEAD")) == 3


def test_only_the_last_so_many(folder):
    last = commit(folder, {"a.py": "2\n"}, day=1)
    assert [step.commit for step in walk(Clone(folder), "HEAD", 1)] == [last]


def test_diffs_of_one_process_are_those_of_many(folder):
    clone = Clone(folder)
    for day in range(1, 5):
        commit(folder, {f"{day}.py": f"{day}", "a.py": f"end {day}\r\n\x0c"}, day=day)
    steps = walk(clone, "HEAD")[1:]
    with Diffs(clone) as diffs:
        for step in (*steps, *steps):
            expected = diff(clone, step.parents[0], step.commit)
            assert diffs.diff(step.parents[0], step.commit) == expected
            assert "No newline at end of file" in expected


def test_settings_and_attributes_of_a_checkout_change_no_diff(folder):
    text = "def f():\n" + "    x\n" * 20
    commit(folder, {"a.py": text}, day=1)
    commit(folder, {"a.py": text + "    y\n"}, day=2)
    clone = Clone(folder)
    before = diff(clone, "HEAD~1", "HEAD")
    git(folder, "config", "diff.noprefix", "true")
    git(folder, "config", "diff.context", "9")
    git(folder, "config", "diff.external", "false")
    assert diff(clone, "HEAD~1", "HEAD") == before
    with Diffs(clone) as diffs:
        assert diffs.diff(clone.commit_id("HEAD~1"), clone.commit_id("HEAD")) == before


def test_a_process_that_ended_is_a_value_error(folder):
    with Diffs(Clone(folder)) as diffs:
        diffs._process.kill()
        diffs._process.wait()
        with pytest.raises(ValueError, match="ended"):
            diffs.diff("HEAD", "HEAD")
