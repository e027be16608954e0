"""The agent's own patches in place of gold's: what fits, what does not, and what may be seen."""

from types import SimpleNamespace

import pytest

from harness.history import Checkouts, audit
from harness.history.carry import Change
from harness.history.git import Clone
from harness.sandboxes.local import LocalProvider
from seqswe.errors import LeakError
from seqswe.sandbox import Environment, SandboxSpec
from tests.harness.history.test_packs import git, listed

LINES = [f"line {number}\n" for number in range(30)]


class Repo:
    """A line of commits of one file; each fix is given by the lines that it changes."""

    def __init__(self, folder):
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main", ".")
        self.folder, self.lines = folder, list(LINES)
        self.commits = [self._commit()]

    def fix(self, **changed):
        """Change lines (l5="new") and commit; the patch of it."""
        self.lines = self.changed(**changed)
        self.commits.append(self._commit())
        return git(self.folder, "diff", "HEAD~", "HEAD")

    def changed(self, **changed):
        lines = list(self.lines)
        for name, text in changed.items():
            lines[int(name[1:])] = f"{text}\n"
        return lines

    def patch(self, **changed):
        """A patch of the lines as they are, which nobody commits."""
        (self.folder / "f.py").write_text("".join(self.changed(**changed)))
        patch = git(self.folder, "diff")
        git(self.folder, "checkout", "-q", "f.py")
        return patch

    def _commit(self):
        (self.folder / "f.py").write_text("".join(self.lines))
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "-m", "x", "--date=2024-01-01T00:00:00Z")
        return git(self.folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "clone")


@pytest.fixture
def made(repo, tmp_path):
    """`made(changes, at=2)`: what the task at a commit starts from, and its file."""

    def make(changes, at=-1, name="cache"):
        checkouts = Checkouts(Clone(repo.folder), repo.commits, tmp_path / name)
        instance = SimpleNamespace(base_commit=repo.commits[at], bug_patch="")
        carried = checkouts.carry(instance, changes)
        folder = tmp_path / f"objects-{name}"
        checkout = checkouts.checkout(instance, folder, carried.commit)
        show = checkouts._side().clone.show(checkout.commit, "f.py")
        return SimpleNamespace(
            carried=carried, checkout=checkout, lines=show.splitlines(), checkouts=checkouts
        )

    return make


def test_an_own_patch_takes_golds_place_and_later_fixes_stay(repo, made):
    own = repo.patch(l5="mine", l6="mine too")
    first = repo.fix(l5="gold")
    repo.fix(l20="later")
    task = made([Change(instance_id="a", gold=first, own=own)])
    assert task.lines[5:7] == ["mine", "mine too"]
    assert task.lines[20] == "later"
    assert task.carried.conflicts == ()


def test_patches_on_each_others_lines_are_taken_back_from_the_last(repo, made):
    """The second own patch was made on the first one's code, as the agent met it."""
    changes = []
    mine = Repo(repo.folder.with_name("mine"))
    for name, lines in (("a", {"l5": "a"}), ("b", {"l6": "b"})):
        own = mine.fix(**{k: f"my {v}" for k, v in lines.items()})
        changes.append(Change(instance_id=name, gold=repo.fix(**lines), own=own))
    task = made(changes)
    assert task.lines[5:7] == ["my a", "my b"]
    assert task.carried.conflicts == ()


def test_a_conflict_is_told_and_golds_code_stays(repo, made):
    own = repo.patch(l5="mine", l9="mine")
    first = repo.fix(l5="gold")
    second_own = repo.patch(l25="mine")
    second = repo.fix(l25="gold")
    repo.fix(l9="gold went on")
    both = [
        Change(instance_id="a", gold=first, own=own),
        Change(instance_id="b", gold=second, own=second_own),
    ]
    task = made(both)
    assert task.carried.conflicts == ("a",)
    assert (task.lines[5], task.lines[9], task.lines[25]) == ("gold", "gold went on", "mine")
    # Before gold went on, it fitted.
    assert made(both, at=2, name="before").carried.conflicts == ()


def test_gold_that_can_no_longer_be_taken_back_is_a_conflict_too(repo, made):
    own = repo.patch(l12="mine")
    first = repo.fix(l5="gold")
    repo.fix(l5="rewritten")
    task = made([Change(instance_id="a", gold=first, own=own)])
    assert (task.carried.commit, task.carried.conflicts) == ("", ("a",))
    assert task.checkout.commit == repo.commits[-1]


def test_what_gold_did_too_is_the_base_commit_itself(repo, made):
    first = repo.fix(l5="gold")
    task = made([Change(instance_id="a", gold=first, own=first)])
    assert (task.carried.commit, task.carried.conflicts) == ("", ())
    assert task.checkout.commit == repo.commits[-1]
    start = SimpleNamespace(base_commit=repo.commits[0], bug_patch="")
    other = first.replace("+gold", "+mine")
    same = [task.checkouts.same_code(start, "", (first, own)) for own in (first, other, "x")]
    assert same == [True, False, False]


def test_the_same_changes_make_the_same_commit_anywhere(repo, made):
    own = repo.patch(l5="mine")
    changes = [Change(instance_id="a", gold=repo.fix(l5="gold"), own=own)]
    commits = {made(changes, name=name).carried.commit for name in ("one", "two")}
    assert len(commits) == 1


def test_the_sandbox_holds_what_that_commit_reaches_and_the_audit_is_exact(repo, made, tmp_path):
    own = repo.patch(l5="mine")
    first = repo.fix(l5="gold")
    repo.fix(l20="later")
    changes = [Change(instance_id="a", gold=first, own=own)]
    task = made(changes, at=1)
    seen = listed(task.checkout.objects)
    assert seen == set(task.checkouts.reachable(task.checkout.commit))
    assert len(seen) == task.checkout.count
    # Three for the commit of ours; nothing of the commit that comes later.
    base = set(task.checkouts.reachable(repo.commits[1]))
    assert len(seen - base) == 3
    later = set(git(repo.folder, "rev-list", "--objects", "--no-object-names", "HEAD").split())
    assert not (later - base) & seen
    environment = Environment(key="e", python="3.11", requirements=())
    spec = SandboxSpec(environment=environment, checkout=task.checkout)
    sandbox = LocalProvider().open(spec)
    try:
        assert str(audit(sandbox, spec, task.checkouts.reachable)).endswith("0 extra, 0 missing")
        assert sandbox.read("f.py").decode().splitlines()[5] == "mine"
        assert sandbox.run("git rev-list HEAD").text.split() == [
            task.checkout.commit, *reversed(repo.commits[:2]),
        ]  # fmt: skip
        # One object more, or another state of the files, is a leak as ever.
        sandbox.run("echo x | git hash-object -w --stdin")
        with pytest.raises(LeakError, match="1 extra and 0 missing"):
            audit(sandbox, spec, task.checkouts.reachable)
    finally:
        sandbox.close()
