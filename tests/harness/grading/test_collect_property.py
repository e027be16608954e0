"""The fast way to collect finds what git finds when it looks at everything anew."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.grading import collect_patch
from harness.sandboxes.local import LocalProvider
from seqswe.sandbox import SandboxSpec
from seqswe.testing.sandbox import SandboxContract, one_commit

REFERENCE = """
set -e
export GIT_WORK_TREE="$PWD" GIT_DIR="$(mktemp -d)"
git init -q --template=
echo "$OBJECTS" > "$GIT_DIR/objects/info/alternates"
find . -mindepth 2 -name .git -prune -exec rm -rf {} +
git read-tree "$BASE"
git -c core.safecrlf=false add -A .
git -c core.quotePath=false diff-index -p --cached --binary --full-index --no-renames "$BASE"
"""
"""Everything is hashed by git itself, in a folder of its own."""
BASE = {
    ".gitignore": b"*.log\n/build/\n",
    ".gitattributes": b"*.bat text eol=crlf\n",
    "a/one.py": b"1\n",
    "a/two.py": b"2\n",
    "b/one.py": b"one\n",
    "b/two.py": b"2\n",
    "run.bat": b"dir\r\n",
    "kept.log": b"tracked, though ignored\n",
    "data.bin": bytes(range(256)),
}
NAMES = ["a", "b", "c", "a/one.py", "b/one.py", "a/new.py", "c/two.py", "x.log", "build/x.py",
         "run.bat", "kept.log", "data.bin", "\u00fc \n.py", ":(top)x", "-n", "sub/.git/config",
         ".gitignore"]  # fmt: skip
PATHS = st.sampled_from(NAMES)
CONTENTS = st.sampled_from([b"", b"1\n", b"2\n", b"one\n", b"a\r\nb\n", b"\x00\xff", b"*.py\n"])
STEPS = st.one_of(
    st.tuples(st.just("write"), PATHS, CONTENTS),
    st.tuples(st.just("in place"), PATHS, CONTENTS),
    st.tuples(st.just("move"), PATHS, PATHS),
    st.tuples(st.just("swap"), PATHS, PATHS),
    st.tuples(st.just("remove"), PATHS, st.none()),
    st.tuples(st.just("link"), PATHS, PATHS),
    st.tuples(st.just("mode"), PATHS, st.sampled_from([0o755, 0o644, 0o600, 0o400])),
    st.tuples(st.just("times"), PATHS, st.sampled_from([0, 1_700_000_000, 4_000_000_000])),
    st.tuples(st.just("repository"), PATHS, st.none()),
)
AGENT = """
import json, mmap, os, shutil, subprocess, sys
def step(what, path, more):
    folder = os.path.dirname(path)
    if what == "write":
        if folder: os.makedirs(folder, exist_ok=True)
        open(path, "wb").write(more.encode("latin-1"))
    elif what == "in place":  # through shared memory, which changes no time of the file
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            new = more.encode("latin-1")[:memory.size()]
            memory[:1]
            memory[:len(new)] = new
    elif what == "move":
        os.rename(path, more)
    elif what == "swap":  # two folders with the same names: no file in them is touched
        os.rename(path, "swapped"); os.rename(more, path); os.rename("swapped", more)
    elif what == "remove":
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    elif what == "link":
        os.symlink(more, path)
    elif what == "mode":
        os.chmod(path, more) if os.path.isfile(path) else None
    elif what == "times":
        os.utime(path, (more, more))
    elif what == "repository":
        if not os.path.islink(path): subprocess.run(["git", "init", "-q", "--", path], check=True)
for each in json.load(sys.stdin):
    try:
        step(*each)
    except OSError:
        pass
    if os.path.exists("swapped"): os.rename("swapped", each[1])
"""


@pytest.fixture(scope="module")
def provider():
    provider = LocalProvider()
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    checkout = one_commit(tmp_path_factory.mktemp("base"), BASE)
    environment = SandboxContract.environment
    return SandboxSpec(environment=environment, checkout=checkout)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example([("swap", "a", "b")])
@example([("in place", "a/one.py", b"9\n"), ("times", "a/one.py", 0)])
@example([("move", "a", "c"), ("write", "a", b"1\n")])
@example([("link", "c", "a"), ("remove", "a/two.py", None), ("repository", "b", None)])
@example([("write", "run.bat", b"cd\r\n"), ("mode", "data.bin", 0o755), ("remove", "b", None)])
@given(steps=st.lists(STEPS, min_size=1, max_size=6))
def test_collecting_finds_what_git_finds_by_reading_everything(provider, spec, steps):
    box = provider.open(spec)
    try:
        said = json.dumps([(w, p, m.decode("latin-1") if isinstance(m, bytes) else m)
                           for w, p, m in steps])  # fmt: skip
        assert box.run(["python3", "-c", AGENT], stdin=said.encode()).ok
        env = {"OBJECTS": box.objects, "BASE": spec.checkout.commit}
        copy = box.run('cp -a . "$HOME/copy" && cd "$HOME/copy" && ' + REFERENCE, env=env)
        assert copy.ok, copy.stderr
        found = collect_patch(box, spec.checkout.commit)
        assert found.patch == copy.stdout.decode("utf-8", "surrogateescape")
        assert not found.left_out
    finally:
        box.close()
