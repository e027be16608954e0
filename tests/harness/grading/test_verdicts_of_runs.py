"""Verdicts of whole runs, by the command line: agents that would void, forge or lose a patch."""

import json
import shlex
import subprocess
import sys

import pytest

from tests.harness.projects import commit, git

SOURCE = "def f(x):\n    return 0\n"
FIXED = "def f(x):\n    return x\n"
BEFORE = "from own import f\n\ndef test_smoke():\n    assert f(1) is not None\n"
AFTER = BEFORE + "\ndef test_f():\n    assert f(1) == 1\n"
MANIFEST = """
name = "own"
repo = "own/own"
url = ""
licence = "MIT"
schema_version = 1
[layout]
source = ["own"]
tests = ["tests"]
[python]
version = "{}.{}"
requirements = ["pytest>=8"]
distribution = "own"
[tests]
seconds = 2.0
"""
GITLINK = f"160000,{'1' * 40},vendor/sub"


def seqswe(*arguments):
    """Run the command line; returns the process."""
    command = [sys.executable, "-m", "seqswe", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A codebase of one task, mined and validated; a submodule lies in every commit of it."""
    folder = tmp_path_factory.mktemp("own")
    work, bare = folder / "work", folder / "mirror" / "own+own" / "repo"
    files = {"own/__init__.py": SOURCE, "tests/__init__.py": "", "tests/test_own.py": BEFORE}
    commit(work, files)
    git(work, "update-index", "--add", "--cacheinfo", GITLINK)
    git(work, "commit", "-q", "--amend", "-m", "start")
    commit_keeping_links(work, {"own/__init__.py": FIXED, "tests/test_own.py": AFTER})
    git(folder, "clone", "-q", "--bare", str(work), str(bare))
    (folder / "m").mkdir()
    text = MANIFEST.format(*sys.version_info[:2])
    (folder / "m" / "manifest.toml").write_text(text)
    where = ("--mirror", folder / "mirror")
    for command in (("mine",), ("validate", "--sandbox", "local")):
        done = seqswe(command[0], folder / "m", *where, *command[1:])
        assert done.returncode == 0, done.stderr
    return folder


def commit_keeping_links(work, files):
    for name, text in files.items():
        (work / name).write_text(text)
        git(work, "add", name)
    git(work, "commit", "-q", "-m", "Fix f", day=1)


@pytest.fixture
def solve(own, tmp_path):
    """`solve("echo 1 > x.py")` runs a shell script as the agent; the rollout and its folder."""

    def rollout(script, sandbox="local"):
        out = tmp_path / "run"
        done = seqswe(
            *("run", "--codebase", own / "m", "--mirror", own / "mirror", "--out", out),
            *("--seeds", 1, "--arm", "iid", "--memory", "none", "--sandbox", sandbox),
            *("--agent", "command", "--agent-option", f"run={script}"),
        )
        assert "Traceback" not in done.stderr
        return json.loads((out / "rollouts.jsonl").read_text()), out

    return rollout


FIX = "printf 'def f(x):\\n    return x\\n' > own/__init__.py; "
LYING = """
import _pytest.python as p
run = p.Function.runtest
p.Function.runtest = lambda self: None if self.nodeid.startswith("tests/") else run(self)
"""


def test_what_was_left_out_and_why_is_in_journal_report_and_folder(solve):
    rollout, out = solve("echo 'import time' > conftest.py; " + FIX.replace(
        "return x", "while True: pass"))  # fmt: skip
    assert rollout["resolved"] is False
    assert rollout.get("reason") == "tests_cut_off"
    assert rollout["problem"] == "the tests took longer than 2 s"
    assert rollout["dropped_files"] == {"conftest.py": "it steers the tests"}
    [folder] = [path.parent for path in out.glob("rollouts/*/*/report.json")]
    [report] = json.loads((folder / "report.json").read_text()).values()
    assert report["reason"] == "tests_cut_off"
    assert report["problem"] == rollout["problem"]
    assert report["dropped_files"] == rollout["dropped_files"]
    assert "longer than 2 s" in (folder / "test.log").read_text()
    printed = seqswe("report", out, "--format", "json")
    assert printed.returncode == 0, printed.stderr
    [verdict] = json.loads((out / "report.json").read_text())["verdicts"]
    assert (verdict["reason"], verdict["count"], verdict["dropped"]) == ("tests_cut_off", 1, 1)


def test_files_below_the_path_of_a_submodule_count(solve):
    rollout, _ = solve(
        "mkdir -p vendor/sub/deep; touch vendor/__init__.py vendor/sub/__init__.py; "
        "printf 'def f(x):\\n    return x\\n' > vendor/sub/impl.py; touch vendor/sub/deep/x.py; "
        "echo 'from vendor.sub.impl import f' > own/__init__.py"
    )
    assert rollout["resolved"] is True
    assert "vendor/sub/impl.py" in rollout["edited_files"]
    assert "vendor/sub/deep/x.py" in rollout["edited_files"]


BESIDE = {
    "a repository destroyed": "rm -rf .git; mkdir .git; mkfifo .git/index .git/HEAD",
    "another repository": "rm -rf .git; git init -q .; git config core.bare true; "
    "mkdir -p .git/objects/info; mkfifo .git/objects/info/alternates .git/info/exclude || true",
    "files that git or a patch cannot hold": "mkdir in; git init -q in; mkdir in/.GIT; "
    "echo x > in/.GIT/x; mkfifo pipe .gitignore own/.gitattributes; "
    "head -c 5000000 /dev/urandom > core.bin; head -c 90000000 /dev/zero > huge.bin; "
    "printf '* working-tree-encoding=UTF-16\\n*.py filter=x\\n' > .gitattributes; "
    "touch 'back\\slash' '.git ' \"$(printf 'new\\nline')\" ':(top)x' -- -x",
}


@pytest.mark.parametrize("destroy", BESIDE.values(), ids=BESIDE)
def test_nothing_that_lies_beside_it_costs_a_fix(solve, destroy):
    rollout, _ = solve(FIX + destroy + "; true")
    assert rollout["resolved"] is True, rollout["failure"]
    assert "own/__init__.py" in rollout["edited_files"]
    assert rollout["failure"] is None
    if "core.bin" in destroy:
        missing = rollout["dropped_files"]
        assert {"core.bin", "huge.bin", "pipe", "in/.GIT/x"} <= set(missing), missing
        assert "too large" in missing["core.bin"]


SHADOWS = {
    "imported late": ["code.py", "readline.py", "pdb.py", "doctest.py", "pygments/__init__.py"],
    "imported at start": [
        *("sitecustomize.py", "usercustomize.py", "encodings/__init__.py", "json.py"),
        *("unittest.py", "xml/__init__.py", "pytest.py", "_pytest/__init__.py", "pluggy.py"),
        *("iniconfig/__init__.py", "importlib/__init__.py", "re.py"),
    ],
}


def write_all(names, code):
    """Shell commands that write the same code to several files."""
    folders = " ".join({name.rpartition("/")[0] or "." for name in names})
    return f"mkdir -p {folders}; printf %s {shlex.quote(code)} | tee {' '.join(names)} >/dev/null; "


@pytest.mark.parametrize("names", SHADOWS.values(), ids=SHADOWS)
def test_no_module_beside_the_package_stands_in_for_an_installed_one(solve, names):
    rollout, _ = solve(write_all(names, LYING) + "echo '# no fix' >> own/__init__.py")
    assert rollout["resolved"] is False
    assert rollout.get("reason") == "tests_failed", "they were not even imported"


@pytest.mark.parametrize("names", SHADOWS.values(), ids=SHADOWS)
def test_with_them_beside_it_a_fix_resolves_all_the_same(solve, names):
    rollout, _ = solve(FIX + write_all(names, "raise SystemExit\n"))
    assert rollout["resolved"] is True


UNTAKEABLE = """
echo "v = 1" > ledgerlite/v.py; echo "w = 1" > ledgerlite/w.py; chmod 000 ledgerlite/w.py
mkdir -p locked/deep; echo "d = 1" > locked/deep/d.py; chmod 000 locked/deep locked
git init -q nested; echo "n = 1" > nested/n.py; chmod 555 nested nested/.git; chmod 444 nested/n.py
chmod 000 README.md; chmod 000 .git; head -c 5000000 /dev/urandom > core.bin
head -c 200000000 /dev/zero > /tmp/full; mkdir /tmp/d; chmod 000 /tmp/full /tmp/d /tmp
head -c 200000000 /dev/zero > full.bin; true
"""


@pytest.mark.docker
def test_one_bad_file_costs_no_other_in_a_container(docker, tmp_path):
    """There the agent is not root: what has no rights is closed to it, and to the collection."""
    done = seqswe(
        *("run", "--codebase", "ledgerlite", "--limit", 1, "--seeds", 1, "--arm", "iid"),
        *("--memory", "none", "--agent", "command", "--agent-option", f"run={UNTAKEABLE}"),
        *("--memory-mb", 512, "--out", tmp_path / "run"),
    )
    assert "Traceback" not in done.stderr
    rollout = json.loads((tmp_path / "run" / "rollouts.jsonl").read_text())
    edited = {"ledgerlite/v.py", "ledgerlite/w.py", "locked/deep/d.py", "nested/n.py"}
    assert edited <= set(rollout["edited_files"])
    assert "README.md" not in rollout["edited_files"]
    assert set(rollout["dropped_files"]) == {"core.bin", "full.bin"}
    assert rollout["failure"] is None
