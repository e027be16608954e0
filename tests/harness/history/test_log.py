"""The log is the same however much of it is known, and git is asked for what is new alone."""

from itertools import permutations

import pytest

from harness.history.git import Clone
from harness.history.log import Log, log
from tests.harness.projects import commit, git


@pytest.fixture(scope="module")
def branchy(tmp_path_factory):
    """A clone whose main line merges a branch; the branch's commits are on no first-parent line."""
    folder = tmp_path_factory.mktemp("branchy")
    commit(folder, {"a.py": "1\n"}, "one\n\nwith a body")
    commit(folder, {"b.py": "1\n", "c/d é.py": "1\n"}, "two", day=1)
    git(folder, "checkout", "-qb", "side")
    commit(folder, {"side.py": "1\n"}, "side", day=2)
    git(folder, "checkout", "-q", "-")
    commit(folder, {"a.py": "2\n"}, "three", day=3)
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "side")
    commit(folder, {"b.py": None, "a.py": "3\n"}, "four", day=5)
    names = ("HEAD", "HEAD~1", "side", "HEAD~2", "HEAD~4")
    return Clone(folder), [git(folder, "rev-parse", name).strip() for name in names]


def test_each_commit_names_what_it_changed(branchy):
    clone, (head, merge, side, *_) = branchy
    told = [(c.message, c.files) for c in log(clone, head)]
    assert told == [
        ("four", ("a.py", "b.py")),
        ("merge", ("side.py",)),
        ("three", ("a.py",)),
        ("two", ("b.py", "c/d é.py")),
        ("one\n\nwith a body", ("a.py",)),
    ]
    assert [c.message for c in log(clone, side)] == ["side", "two", "one\n\nwith a body"]
    assert next(log(clone, merge)).sha == merge


def test_whatever_was_asked_for_before_the_log_is_the_same(branchy):
    clone, commits = branchy
    alone = {sha: list(log(clone, sha)) for sha in commits}
    for order in permutations(commits):
        known = Log(clone)
        assert {sha: list(known.until(sha)) for sha in order} == alone


def test_git_tells_of_a_later_base_only_what_is_new(branchy, monkeypatch):
    clone, (head, merge, *_, first) = branchy
    told = []
    run = clone.run
    monkeypatch.setattr(clone, "run", lambda *words: told.append(run(*words)) or told[-1])
    known = Log(clone)
    for sha in (first, merge, head, merge):
        assert next(known.until(sha)).sha == sha
        assert list(known.until(sha))[-1].message == "one\n\nwith a body"
    assert [text.count("\x1e") for text in told] == [1, 3, 1]
