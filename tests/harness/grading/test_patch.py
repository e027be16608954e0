"""Patches that git made come apart by file and together again, however odd."""

import os
import subprocess

import pytest

from harness.grading.patch import parts, paths_of
from harness.history.git import CLEAN
from harness.history.walk import DIFF

ENV = {**os.environ, **CLEAN, "GIT_AUTHOR_DATE": "@1 +0000", "GIT_COMMITTER_DATE": "@1 +0000"}
LINES = b"".join(b"line %d\n" % n for n in range(30))
QUOTED = b"diff --git a/tests/x b/tests/x\n--- a/y\n+++ b/z\n"
"""A header in a source, as tests of diff tools have them."""
BEFORE = {
    "src/plain.py": LINES,
    "src/no end.py": b"a\nb",
    "src/ends.py": b"a\nb\n",
    "src/old name.py": LINES,
    "src/script.sh": b"#!/bin/sh\n",
    "src/data.bin": bytes(range(256)) * 20,
    "src/dos.py": b"a\r\nb\r\n",
    "src/feed.py": b"def a():\n    pass\n\x0c\ndef b():\n    pass\n",
    "src/caf\u00e9 \u65e5\u672c.py": b"1\n",
    'src/quo"te\\back.py': b"1\n",
    "src/tab\tand\nline.py": b"1\n",
    "src/gone.py": b"1\n",
    "src/empty gone.py": b"",
    "src/becomes_link.py": b"1\n",
    "tests/test_plain.py": b"def test():\n    assert 0\n",
}
AFTER = {
    "src/plain.py": LINES.replace(b"line 3\n", QUOTED),
    "src/no end.py": b"a\nc",
    "src/ends.py": b"a\nc",
    "src/new name.py": LINES.replace(b"line 9\n", b"LINE 9\n"),
    "src/script.sh": b"#!/bin/sh\n",
    "src/data.bin": bytes(range(255, -1, -1)) * 20,
    "src/new.bin": b"\x00\xff" * 50,
    "src/dos.py": b"a\r\nc\r\n",
    "src/feed.py": b"def a():\n\x0cdiff --git a/q b/q\n    return 1\x85\xe2\x80\xa8\rx\n",
    "src/caf\u00e9 \u65e5\u672c.py": b"2\n",
    'src/quo"te\\back.py': b"2\n",
    "src/tab\tand\nline.py": b"2\n",
    "src/empty new.py": b"",
    "src/ b dot b/x b/src/x.py": b"1\n",
    "src/bytes.py": b"# latin-1: \xe9\n",
    "tests/test_plain.py": b"def test():\n    assert 1\n",
    "tests/d\u00e9/conftest.py": b"import nothing_else\n",
}  # fmt: skip


def git(folder, *arguments, stdin=None):
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=ENV, input=stdin, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def tree(folder):
    git(folder, "add", "-A", "-f")
    return git(folder, "write-tree")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with a commit before (`before`) and one after every odd change (`after`)."""
    folder = tmp_path_factory.mktemp("odd")
    git(folder, "init", "-q", "-b", "main", ".")
    fill(folder, BEFORE)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "before")
    git(folder, "tag", "before")
    for name in BEFORE:
        (folder / name).unlink()
    fill(folder, AFTER)
    (folder / "src/script.sh").chmod(0o755)
    (folder / "src/becomes_link.py").symlink_to("plain.py")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "after")
    git(folder, "tag", "after")
    return folder


@pytest.fixture(params=["plain", "quoted", "renames", "no prefix lines"])
def patch(request, repository):
    """The change, as git writes it in several ways."""
    options = {
        "plain": ["-c", "core.quotePath=false", *DIFF],
        "quoted": ["-c", "core.quotePath=true", *DIFF],
        "renames": [*(o for o in DIFF if o != "--no-renames"), "--find-renames", "--find-copies"],
        "no prefix lines": [*DIFF, "--unified=0"],
    }
    text = git(repository, *options[request.param], "before", "after")
    return text.decode("utf-8", "surrogateescape")


def test_the_parts_make_the_patch_again(patch):
    assert "".join(part.text for part in parts(patch)) == patch


def test_every_path_is_read_as_git_reads_it(patch, repository):
    changed = git(repository, "diff", "--name-only", "--no-renames", "-z", "before", "after")
    wanted = set(changed.decode().split("\0")[:-1])
    if "rename from" in patch or "copy from" in patch:
        assert wanted <= set(paths_of(patch))
        assert "src/old name.py" in paths_of(patch)
    else:
        assert set(paths_of(patch)) == wanted


def test_lines_are_counted_by_file(repository):
    text = git(repository, *DIFF, "before", "after", "--", "src/ends.py", "src/data.bin").decode()
    assert {part.paths[0]: part.changed for part in parts(text)} == {
        "src/data.bin": 0,
        "src/ends.py": 2,
    }


def test_an_empty_patch_has_no_parts():
    assert parts("") == []
