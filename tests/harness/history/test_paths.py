"""Which paths a commit has, asked of a real repository."""

import subprocess

import pytest

from harness.history.git import Clone
from harness.history.paths import existing


@pytest.fixture
def moved(tmp_path):
    """A clone of two commits: a file is moved between them; and their ids."""

    def git(*words):
        return subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
            cwd=tmp_path, check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    git("init", "--quiet")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a b.py").write_text("one\n")
    (tmp_path / "ü.py").write_text("two\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    first = git("rev-parse", "HEAD")
    git("mv", "src/a b.py", "c.py")
    git("commit", "--quiet", "--message", "second")
    return Clone(tmp_path), first, git("rev-parse", "HEAD")


def test_each_commit_has_its_own_paths(moved):
    clone, first, second = moved
    asked = {"src/a b.py", "c.py", "ü.py", "none.py", "src", "two\nlines.py"}
    assert existing(clone, [first, second, first], asked) == [
        {"src/a b.py", "ü.py"}, {"c.py", "ü.py"}, {"src/a b.py", "ü.py"},
    ]  # fmt: skip


def test_nothing_is_there_of_no_paths(moved):
    clone, first, _ = moved
    assert existing(clone, [first], set()) == [frozenset()]
