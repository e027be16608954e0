"""What a candidate must not change is not changed, however its patch writes the name of a file."""

# ruff: noqa: E501  (a patch a line)

import random
import subprocess
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from harness.grading.apply import PatchError, apply_patch, forbidden_paths
from seqswe.manifests.manifest import Layout
from tests.harness.grading.test_patch import AFTER, BEFORE, ENV, fill, git, patch, repository, tree  # noqa: F401

LAYOUT = Layout(source=("src",), tests=("tests", "src/house/tests/"))
FILES = {
    "conftest.py": b"import pytest\n",
    "src/x.py": b"a\n",
    "src/house.py": b"a\nb\nc\n",
    "tests/test_a.py": b"def test_a(): pass\n",
    "tests/\u00e9 b.py": b"1\n",
}


@dataclass
class Folder:
    """A repository as a sandbox: enough of one to apply patches in."""

    root: str

    def run(self, command, *, stdin=None):
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.root, env=ENV, input=stdin, capture_output=True
        )
        return SimpleNamespace(ok=done.returncode == 0, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture
def box(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main", ".")
    fill(tmp_path, FILES)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "before")
    return Folder(str(tmp_path))


def apply(box, text, gold=()):
    return apply_patch(box, text, forbidden_paths(LAYOUT, gold))


def touched(box):
    """Paths that differ from the commit, by git's own look at the files."""
    changed = git(box.root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
    return {entry[3:] for entry in changed.decode("utf-8", "surrogateescape").split("\0") if entry}


def new_file(path, mode="100644", header=None, name=None, old="/dev/null"):
    return (
        f"diff --git {header or f'a/{path} b/{path}'}\nnew file mode {mode}\n"
        f"index {'0' * 40}..{'1' * 40}\n--- {old}\n+++ {name or f'b/{path}'}\n"
        "@@ -0,0 +1 @@\n+import os\n"
    )


GOOD = new_file("src/good.py")
STEERING = [
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
    "tests/data/x.json",
    "src/house/tests/helper.py",
    "src/test_house.py",
]


@pytest.mark.parametrize("path", STEERING)
def test_what_steers_tests_is_dropped_unless_gold_touches_it(box, path):
    applied = apply(box, new_file(path) + GOOD)
    assert touched(box) == {"src/good.py"} == set(applied.files)
    assert list(applied.dropped) == [path]
    assert applied.dropped[path] in ("it is a test", "it steers the tests")
    assert apply(box, new_file(path), gold=(path,)).dropped == {}
    assert touched(box) == {"src/good.py", path}


@pytest.mark.parametrize("path", ["src/h.py", "src/contests.py", "docs/tests", "src/mytests/x"])
def test_the_rest_is_kept(box, path):
    assert apply(box, new_file(path)).files == (path,)
    assert touched(box) == {path}


BINARY = "GIT binary patch\nliteral 1\nIcmZPo000310RR91\n\nliteral 0\nHcmV?d00001\n\n"
NO, ONE = "0" * 40, "1" * 40
SNEAKY = {
    "a date after a tab": new_file("", header="a/src/z.py b/src/z.py", name="b/conftest.py\t2024-01-01 00:00:00"),
    "text after a closing quote": new_file("", header="a/z b/z", name='"b/conftest.py"/x'),
    "a quoted second name": 'diff --git a/conftest.py "b/conftest.py"\nold mode 100644\nnew mode 100755\n',
    "octal escapes": new_file("", header='"a/\\164ests/n" "b/\\164ests/n"', name='"b/\\164ests/n"'),
    "another prefix": new_file("", header="x/tests/n y/tests/n", name="y/tests/n"),
    "prefixes of different length": f"diff --git long/tests/n b/tests/n\nnew file mode 100644\nindex {NO}..{'e' * 40}\n",
    "many slashes": new_file("", header="a//tests/n b//tests/n", name="b//tests/n"),
    "dots in the path": new_file("", header="a/src/../tests/n b/src/../tests/n", name="b/src/../tests/n"),
    "no prefix": new_file("", header="tests/n tests/n", name="tests/n"),
    "a binary file": f"diff --git a/tests/n b/tests/n\nnew file mode 100644\nindex {NO}..{ONE}\n{BINARY}",
    "binary, prefixes of different length": f"diff --git longer/tests/n b/tests/n\nnew file mode 100644\nindex {NO}..{ONE}\n{BINARY}",
    "binary, only the second name quoted": f'diff --git a/tests/n "b/tests/n"\nnew file mode 100644\nindex {NO}..{ONE}\n{BINARY}',
    "rename from": "diff --git a/conftest.py b/src/y.py\nsimilarity index 100%\nrename from conftest.py\nrename to src/y.py\n",
    "rename old, rename new": "diff --git a/conftest.py b/src/y.py\nsimilarity index 100%\nrename old conftest.py\nrename new src/y.py\n",
    "rename to": "diff --git a/src/x.py b/src/conftest.py\nsimilarity index 100%\nrename from src/x.py\nrename to src/conftest.py\n",
    "copy to": "diff --git a/src/x.py b/src/conftest.py\nsimilarity index 100%\ncopy from src/x.py\ncopy to src/conftest.py\n",
    "a quoted rename": 'diff --git a/src/x.py b/tests/n\nsimilarity index 100%\nrename from src/x.py\nrename to "\\164ests/n"\n',
    "a mode": "diff --git a/conftest.py b/conftest.py\nold mode 100644\nnew mode 100755\n",
    "a deletion": "diff --git a/conftest.py b/conftest.py\ndeleted file mode 100644\n--- a/conftest.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-import pytest\n",
    "deleted and created": "diff --git a/conftest.py b/conftest.py\ndeleted file mode 100644\n--- a/conftest.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-import pytest\n" + new_file("conftest.py"),
    "created twice": new_file("src/twice.py") + new_file("tests/n") + new_file("src/twice.py"),
    "a link": new_file("tests/n", mode="120000"),
    "lines that end in CR": new_file("tests/n").replace("\n", "\r\n"),
    "a header of another file": new_file("", header="a/src/z.py b/src/z.py", name="b/tests/n"),
    "old and new of different files": "diff --git a/src/x.py b/src/x.py\n--- a/src/x.py\n+++ b/conftest.py\n@@ -1 +1 @@\n-a\n+b\n",
    "a second file without a header": GOOD.replace("good", "z") + "--- /dev/null\n+++ b/tests/n\n@@ -0,0 +1 @@\n+x\n",
    "no header at all": "--- /dev/null\n+++ b/tests/n\n@@ -0,0 +1 @@\n+x\n",
    "before the first header": "--- /dev/null\n+++ b/tests/n\n@@ -0,0 +1 @@\n+x\n" + GOOD,
    "in a message": "From: x\n\n Index: tests/n\n" + new_file("tests/n"),
    "a longer hunk than its lines": new_file("src/z.py").replace("+1 @@", "+1,9 @@") + new_file("tests/n"),
    "a space at the end": new_file("", header="a/tests/n b/tests/n", name="b/tests/n "),
    "a folder becomes a file": "diff --git a/tests b/tests\nnew file mode 100644\n--- /dev/null\n+++ b/tests\n@@ -0,0 +1 @@\n+x\n",
}  # fmt: skip


@pytest.mark.parametrize("text", SNEAKY.values(), ids=SNEAKY)
def test_no_way_to_write_a_name_passes_the_filter(box, text):
    forbidden = forbidden_paths(LAYOUT, ())
    for whole in (text, text + GOOD, GOOD + text):
        try:
            applied = apply(box, whole)
        except PatchError:
            assert touched(box) in (set(), {"src/good.py"})
            continue
        assert not [path for path in touched(box) if forbidden(path)]
        assert touched(box) <= {*applied.files}
        git(box.root, "reset", "-q", "--hard")
        git(box.root, "clean", "-fdxq")


@pytest.mark.parametrize("text", ["no patch\n", "diff --git a/x b/x\n@@ nonsense @@\n",
                                  GOOD.replace("+import", "import"), "\x00\n", GOOD[:-20]])  # fmt: skip
def test_a_patch_that_cannot_be_read_says_so(box, text):
    with pytest.raises(PatchError) as caught:
        apply(box, text)
    assert caught.value.reason == "patch_unreadable"
    assert not touched(box)


def test_a_patch_that_git_wrote_is_applied_as_it_is(patch, repository, tmp_path):  # noqa: F811
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(repository), str(copy))
    git(copy, "checkout", "-q", "before")
    if "@@ -4 +4,3 @@" in patch:
        pytest.skip("without context only --unidiff-zero applies it")
    applied = apply_patch(Folder(str(copy)), patch, lambda path: "")
    assert not applied.dropped
    assert tree(copy) == git(repository, "rev-parse", "after^{tree}")
    git(copy, "checkout", "-q", "-f", "before")
    git(copy, "clean", "-fdq")
    applied = apply_patch(Folder(str(copy)), patch, forbidden_paths(LAYOUT, ()))
    assert set(applied.dropped) == {"tests/test_plain.py", "tests/d\u00e9/conftest.py"}
    assert touched(Folder(str(copy))) <= set(applied.files)


PIECES = ["a/", "b/", "x/", "/", "tests/n", "conftest.py", "src/x.py", "src/house.py", '"', "\\164",
          " ", "\t", "2024-01-01", "\r", "..", "/dev/null", "diff --git ", "--- ", "+++ ", "\n",
          "rename from ", "rename to ", "rename old ", "copy from ", "copy to ", "index 0..1\n",
          "new file mode 100644\n", "deleted file mode 100644\n", "old mode 100644\n",
          "new mode 100755\n", "@@ -0,0 +1 @@\n+x\n", "@@ -1 +1 @@\n-a\n+b\n", BINARY]  # fmt: skip


def mutated(chance):
    """A patch of several files with a few pieces put in, taken out or exchanged."""
    lines = "".join(chance.choices([*SNEAKY.values(), GOOD], k=chance.randint(1, 3)))
    lines = lines.splitlines(keepends=True)
    for _ in range(chance.randint(0, 3)):
        at = chance.randrange(len(lines))
        line = lines[at]
        where = chance.randint(0, len(line))
        lines[at] = chance.choice([
            line[:where] + chance.choice(PIECES) + line[where:],
            line[:where] + line[where + chance.randint(1, 3):],
            "", line + line, chance.choice(lines),
        ])  # fmt: skip
    return "".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_patches_change_only_what_they_are_said_to_change(box, seed):
    """The differential: what we say was applied against what git's look at the files says."""
    chance, forbidden, applied_any = random.Random(seed), forbidden_paths(LAYOUT, ()), 0
    for _ in range(30):
        text = mutated(chance)
        try:
            applied = apply(box, text)
        except PatchError:
            continue
        changed = touched(box)
        assert not [path for path in changed if forbidden(path)], text
        assert changed <= {*applied.files}, text
        applied_any += bool(changed)
        git(box.root, "reset", "-q", "--hard")
        git(box.root, "clean", "-fdxq")
    assert applied_any, "no patch was applied at all"
