"""git is called so that no name from outside can be an option, and no URL a program."""

import re
from pathlib import Path

import pytest

from harness.history.git import Clone, clone_bare
from seqswe.errors import MissingError
from tests.harness.projects import commit

HARNESS = Path(__file__).parents[3] / "harness"
NAMES = re.compile(r"\b(commit|base|head|older|newer|parent|step\.\w+|instance\.base_commit)\b")
CALL = re.compile(r"\.run(?:_bytes)?\(\s*(?:\*\w+,\s*)?\"[a-z-]+\"[^)]*\)")
ENDED = ("--end-of-options", "*grep")


def test_every_call_with_a_name_ends_its_options():
    wrong = []
    for path in HARNESS.rglob("*.py"):
        for match in CALL.finditer(path.read_text()):
            # What is glued to an option is no argument of its own.
            words = re.sub(r'f?"(--[a-z-]+=\{\w+\}|[^"{}]*)"', "", match[0])
            if NAMES.search(words) and not any(end in match[0] for end in ENDED):
                wrong.append(f"{path.name}: {match[0]}")
    assert not wrong


@pytest.mark.parametrize(
    "url", ["--upload-pack=touch x", "ext::sh -c touch% x", "fd::3", "-x", "ssh://-oProxyCommand=x"]
)
def test_a_url_starts_no_program(tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingError, match="cannot clone"):
        clone_bare(url, tmp_path / "clones" / "x+y")
    assert not [p for p in tmp_path.rglob("*") if p.name == "x"]


def test_a_name_that_is_an_option_is_no_commit(tmp_path):
    commit(tmp_path, {"a": "1"})
    clone = Clone(tmp_path)
    for name in ("--output=x", "-x", "--", "", "no such branch", "HEAD\nHEAD"):
        assert clone.commit_id(name) == ""
        assert not clone.has(name)
        assert not name or clone.show(name, "a") is None
    assert clone.commit_id("main") == clone.commit_id("HEAD")
    assert not (tmp_path / "x").exists()


def test_a_repository_with_longer_ids_is_read(tmp_path):
    from harness.history.objects import CommitFiles, Objects
    from tests.harness.projects import git

    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", ".")
    sha = commit(tmp_path, {"a/b.py": "1\n"})
    clone = Clone(tmp_path)
    assert len(sha) == 64
    with Objects(clone) as objects:
        assert CommitFiles(objects, sha).text("a/b.py") == "1\n"
