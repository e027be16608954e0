"""Patches come apart by file and together again, however odd; and nothing slips past the filter."""

import os
import subprocess

import pytest

from harness.grading.layout import is_test
from harness.grading.patch import candidate_part, parts, paths_of, split
from harness.history.git import CLEAN
from harness.history.walk import DIFF
from seqswe.manifests.manifest import Layout

LAYOUT = Layout(source=("src",), tests=("tests", "src/house/tests/"))
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


def test_both_halves_of_a_split_apply_one_after_the_other(patch, repository, tmp_path):
    tests, rest = split(patch, is_test(LAYOUT))
    assert set(paths_of(tests)) == {"tests/test_plain.py", "tests/d\u00e9/conftest.py"}
    assert not any(path.startswith("tests") for path in paths_of(rest))
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(repository), str(copy))
    git(copy, "checkout", "-q", "before")
    for half in (rest, tests):
        zero = ["--unidiff-zero"] if "@@ -4 +4,3 @@" in patch else []
        data = half.encode("utf-8", "surrogateescape")
        git(copy, "apply", "--whitespace=nowarn", *zero, "-", stdin=data)
    assert tree(copy) == git(repository, "rev-parse", "after^{tree}")


def test_lines_are_counted_by_file(repository):
    text = git(repository, *DIFF, "before", "after", "--", "src/ends.py", "src/data.bin").decode()
    assert {part.paths[0]: part.changed for part in parts(text)} == {
        "src/data.bin": 0,
        "src/ends.py": 2,
    }


def test_an_empty_patch_has_no_parts():
    assert parts("") == []
    assert candidate_part("", LAYOUT, ()) == ("", [])


@pytest.mark.parametrize(
    "text",
    [
        "no patch at all",
        "diff --git a/x b/x\n@@ nonsense @@\n",
        "--- a/conftest.py\n+++ b/conftest.py\n@@ -0,0 +1 @@\n+import os\n",
        "diff --git a/src/x.py b/src/x.py\n--- a/src/x.py\n+++ b/src/x.py\n@@ -1 +1 @@\n-a\n+b\n"
        "--- a/conftest.py\n+++ b/conftest.py\n@@ -0,0 +1 @@\n+import os\n",
    ],
)
def test_what_is_not_wholly_a_git_patch_lets_nothing_through(text):
    try:
        kept, _ = candidate_part(text, LAYOUT, ())
    except ValueError:
        return
    assert "conftest" not in kept


def new_file(path, mode="100644", header=None, name=None):
    return (
        f"diff --git {header or f'a/{path} b/{path}'}\nnew file mode {mode}\n"
        f"index {'0' * 40}..{'1' * 40}\n--- /dev/null\n+++ {name or f'b/{path}'}\n"
        "@@ -0,0 +1 @@\n+import os\n"
    )


STEERING = [
    "conftest.py",
    "src/conftest.py",
    "pytest.ini",
    ".pytest.toml",
    "setup.cfg",
    "pyproject.toml",
    "tox.ini",
    "sitecustomize.py",
    "src/sitecustomize/__init__.py",
    "src/sitecustomize.cpython-311-x86_64-linux-gnu.so",
    "usercustomize.pyc",
    "src/x.pth",
    "house.egg-info/entry_points.txt",
    ".gitattributes",
    "tests",
    "tests/data/x.json",
    "src/house/tests/helper.py",
    "src/test_house.py",
]


@pytest.mark.parametrize("path", STEERING)
def test_what_steers_tests_is_dropped_unless_gold_touches_it(path):
    good = new_file("src/house.py")
    kept, dropped = candidate_part(new_file(path) + good, LAYOUT, ())
    assert (kept, dropped) == (good, [path])
    kept, dropped = candidate_part(new_file(path) + good, LAYOUT, (path,))
    assert (kept, dropped) == (new_file(path) + good, [])


@pytest.mark.parametrize("path", ["src/house.py", "src/contests.py", "docs/tests", "src/mytests/x"])
def test_the_rest_is_kept(path):
    assert candidate_part(new_file(path), LAYOUT, ()) == (new_file(path), [])


@pytest.mark.parametrize(
    "text",
    [
        new_file("", header='"a/\\303\\251/conftest.py" "b/\\303\\251/conftest.py"',
                 name='"b/\\303\\251/conftest.py"'),
        new_file("", header="x/conftest.py y/conftest.py", name="y/conftest.py"),
        new_file("", header="longer/tests/a longer/tests/a", name="longer/tests/a"),
        new_file("", header="a//tests/a b//tests/a", name="b//tests/a"),
        "diff --git a/src/x.py b/conftest.py\nsimilarity index 100%\n"
        "copy from src/x.py\ncopy to conftest.py\n",
        "diff --git a/src/x.py b/conftest.py\nsimilarity index 100%\n"
        "rename from src/x.py\nrename to conftest.py\n",
        "diff --git a/conftest.py b/conftest.py\nold mode 100644\nnew mode 100755\n",
        f"diff --git a/conftest.py b/conftest.py\nnew file mode 100644\nindex {'0' * 40}.."
        f"{'e' * 40}\n",
        f"diff --git a/conftest.py b/conftest.py\nnew file mode 100644\nindex {'0' * 40}.."
        f"{'1' * 40}\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n\nliteral 0\nHcmV?d00001\n\n",
    ],
)  # fmt: skip
def test_other_ways_to_write_a_path_do_not_slip_past_the_filter(text):
    good = new_file("src/house.py")
    kept, dropped = candidate_part(text + good, LAYOUT, ())
    assert kept == good
    assert dropped
