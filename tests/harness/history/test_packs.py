"""The packs of a position hold what its commit reaches, whatever the clone and the length."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from harness.history import History
from harness.history.git import CLEAN, Clone
from harness.history.packs import BLOCK, listing_digest
from seqswe.errors import MissingError, UsageError

IDENTITY = {
    f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
ENV = {**os.environ, **CLEAN, **IDENTITY}


def git(folder, *arguments, stdin=None):
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=ENV, input=stdin, capture_output=True, check=True
    )
    return done.stdout.decode()


def long_history(folder, commits):
    """A linear history in which files come, change, go and come back."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", ".")
    stream = b""
    for number in range(commits):
        text = f"{number % 7}\n".encode()
        stream += b"commit refs/heads/main\ncommitter x <x@x> %d +0000\ndata 1\nx\n" % number
        stream += b"M 644 inline f%d\ndata %d\n%s\n" % (number % 11, len(text), text)
        if number % 5 == 4:
            stream += b"D f%d\n" % (number % 11 - 1 if number % 11 else 3)
    git(folder, "fast-import", "--quiet", stdin=stream)
    return Clone(folder)


def listed(objects):
    """Every object in a folder of packs."""
    command = ["git", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]
    alternates = {**ENV, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)}
    with tempfile.TemporaryDirectory() as empty:
        git(empty, "init", "-q", ".")
        done = subprocess.run(command, cwd=empty, env=alternates, capture_output=True, check=True)
    return set(done.stdout.decode().split())


@pytest.fixture(scope="module")
def long_clone(tmp_path_factory):
    return long_history(tmp_path_factory.mktemp("long") / "clone", 3 * BLOCK + 7)


def test_packs_are_append_only(history, ledgerlite, tmp_path):
    bases = [record.base_commit for record in ledgerlite.instances[:4]]
    packs = [
        {f.name for f in history.checkout(b, tmp_path / b).objects.glob("pack/*.pack")}
        for b in bases
    ]
    assert packs[0] < packs[1] < packs[2] < packs[3]


def test_old_packs_are_squashed_and_nothing_is_lost_or_shown_early(long_clone, tmp_path):
    commits = long_clone.first_parents("main")
    history = History(long_clone, commits, tmp_path / "root")
    for index in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, len(commits) - 1):
        objects = history.checkout(commits[index], tmp_path / str(index)).objects
        assert listed(objects) == set(history.reachable(commits[index]))
        assert len(list(objects.glob("pack/*.pack"))) <= 1 + index // BLOCK + index % BLOCK


def test_a_very_long_sequence_needs_few_packs(long_clone, tmp_path):
    history = History(long_clone, long_clone.first_parents("main")[:2], tmp_path)
    history._steps = [str(number) for number in range(40_001)]
    for index in (BLOCK**2 - 1, BLOCK**2, 40_000):
        pairs = history._pairs(index)
        assert len(pairs) <= 1 + 3 * (BLOCK - 1) + 1
        assert pairs[-1][0] == str(index)
        ends = [int(newer) for newer, _ in pairs]
        assert [int(older) for _, older in pairs[1:]] == ends[:-1], "a gap between packs"


def test_the_same_pack_may_be_built_by_many_processes_at_once(long_clone, tmp_path):
    code = (
        "import sys; from pathlib import Path; from harness.history.git import Clone;"
        "from harness.history import History; clone = Clone(Path(sys.argv[1]));"
        "commits = clone.first_parents('main')[:6];"
        "history = History(clone, commits, Path(sys.argv[2]));"
        "print(history.checkout(commits[-1], Path(sys.argv[3])).digest)"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, long_clone.path, tmp_path / "root", tmp_path / str(n)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        for n in range(4)
    ]
    ends = [racer.communicate() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4, ends
    assert len({out for out, _ in ends}) == 1
    left = Counter(path.suffix for path in (tmp_path / "root" / "packs").iterdir())
    assert left == {"": 6}, "a partial pack was left behind"


def test_a_pack_that_is_already_there_is_not_an_error(long_clone, tmp_path):
    commits = long_clone.first_parents("main")[:2]
    history = History(long_clone, commits, tmp_path / "root")
    before = history.checkout(commits[1], tmp_path / "a")
    folder = history._pack(commits[1], commits[0])
    history._make_pack(commits[1], commits[0], folder)
    assert listed(history.checkout(commits[1], tmp_path / "b").objects) == listed(before.objects)


def test_a_clone_on_another_disk_is_packed_without_writing_to_it(tmp_path):
    other = Path("/dev/shm")
    if not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    clone = Clone(other / f"seqswe-{os.getpid()}")
    try:
        long_history(clone.path, 3)
        before = sorted(p for p in clone.path.rglob("*") if p.is_file())
        commits = clone.first_parents("main")
        history = History(clone, commits, tmp_path / "root")
        objects = history.checkout(commits[-1], tmp_path / "objects").objects
        assert listed(objects) == set(history.reachable(commits[-1]))
        assert sorted(p for p in clone.path.rglob("*") if p.is_file()) == before
        elsewhere = other / f"seqswe-{os.getpid()}" / "laid"
        copied = history.checkout(commits[-1], elsewhere).objects
        assert listed(copied) == listed(objects), "without hard links files are copied"
    finally:
        subprocess.run(["rm", "-rf", str(clone.path)], check=True)


def test_a_commit_that_the_clone_lacks_is_named(long_clone, tmp_path):
    with pytest.raises(MissingError, match="lacks commit " + "0" * 40):
        History(long_clone, [*long_clone.first_parents("main")[:1], "0" * 40], tmp_path)


def test_a_sequence_that_goes_back_is_refused(long_clone, tmp_path):
    first, second = long_clone.first_parents("main")[:2]
    with pytest.raises(UsageError, match="is not an ancestor"):
        History(long_clone, [second, first], tmp_path)


def test_a_shallow_clone_is_refused(long_clone, tmp_path):
    git(tmp_path, "clone", "-q", "--depth=3", f"file://{long_clone.path}", "shallow")
    shallow = Clone(tmp_path / "shallow")
    with pytest.raises(MissingError, match="is shallow"):
        History(shallow, [shallow.run("rev-parse", "HEAD").strip()], tmp_path / "root")


def test_replaced_commits_are_not_followed(long_clone, tmp_path):
    git(tmp_path, "clone", "-q", "--mirror", str(long_clone.path), "mirror")
    mirror = Clone(tmp_path / "mirror")
    commits = mirror.first_parents("main")
    git(mirror.path, "replace", commits[3], commits[1])
    history = History(mirror, commits[:6], tmp_path / "root")
    objects = history.checkout(commits[5], tmp_path / "objects").objects
    assert set(commits[:6]) <= listed(objects)


def test_a_damaged_clone_says_what_to_check(tmp_path):
    clone = long_history(tmp_path / "clone", 3)
    commits = clone.first_parents("main")
    blob = clone.run("rev-parse", f"{commits[0]}:f0").strip()
    loose = unpacked(clone, blob, tmp_path)
    loose.chmod(0o600)
    loose.write_bytes(loose.read_bytes()[:-4])
    with pytest.raises(MissingError, match="cannot pack"):
        History(clone, commits, tmp_path / "root").checkout(commits[1], tmp_path / "o")
    assert not list((tmp_path / "root" / "packs").iterdir()), "a partial pack is left"


def unpacked(clone, blob, folder):
    """The file of a blob, after all packs of a clone became loose objects."""
    for pack in list((clone.path / ".git/objects/pack").glob("*.pack")):
        data = pack.read_bytes()
        pack.rename(folder / pack.name)
        pack.with_suffix(".idx").unlink()
        git(clone.path, "unpack-objects", "-q", stdin=data)
    return clone.path / ".git/objects" / blob[:2] / blob[2:]


def test_objects_that_the_clone_lacks_are_left_out_of_packs_and_counts(tmp_path):
    clone = long_history(tmp_path / "clone", 12)
    commits = clone.first_parents("main")
    blob = clone.run("rev-parse", f"{commits[0]}:f0").strip()
    whole = History(clone, commits, tmp_path / "root")
    before = set(whole.reachable(commits[8]))
    unpacked(clone, blob, tmp_path).unlink()
    history = History(Clone(clone.path), commits, tmp_path / "root")
    assert history.root != whole.root, "packs of a whole clone are others"
    checkout = history.checkout(commits[8], tmp_path / "objects")
    assert listed(checkout.objects) == before - {blob}
    assert checkout.count == len(before) - 1
    assert checkout.digest == listing_digest(sorted(before - {blob}))


def test_the_reach_of_a_step_is_the_same_whatever_was_listed_before_it(long_clone, tmp_path):
    bases = git(long_clone.path, "rev-list", "--reverse", "main").split()[::6]
    for name, order in {"in order": bases, "back and forth": [*bases[1::2], *bases[::2]]}.items():
        steps = History(long_clone, bases, tmp_path / name)
        for base in order:
            made, whole = steps.checkout(base, tmp_path / name / base), steps.reachable(base)
            assert (made.count, made.digest) == (len(whole), listing_digest(whole))
