"""The audit passes at every position, and fails on whatever else can be planted."""

import os
import shutil
from dataclasses import replace

import pytest

from harness.grading import collect_patch
from harness.history import audit
from harness.history.log import log
from seqswe.errors import LeakError, RolloutError

POSITION = 3
"""Where things are planted: with a past and a future."""


@pytest.fixture
def plant(local, lay, history):
    """Opens a sandbox, runs a command in it before the audit, and says what the audit saw."""

    def planted(command="true", change=None, **fields):
        spec = lay(POSITION)
        if change:
            change(spec.checkout.objects)
        spec = replace(spec, environment=replace(spec.environment, **fields))
        box = local.open(spec)
        box.run(command)
        return audit(box, spec, history.reachable)

    return planted


@pytest.fixture
def future(history, ledgerlite):
    """The base commit after the position where things are planted."""
    return ledgerlite.instances[POSITION + 1].base_commit


def test_at_every_position_nothing_is_extra_and_nothing_is_missing(
    local, lay, history, ledgerlite, clone
):
    counts = []
    for position, record in enumerate(ledgerlite.instances):
        spec = lay(position)
        box = local.open(spec)
        seen = audit(box, spec, history.reachable)
        assert str(seen) == f"{spec.checkout.count} objects, 0 extra, 0 missing"
        counts.append(seen.objects)
        later = [r.base_commit for r in ledgerlite.instances[position + 1 :]]
        if later and later[0] != record.base_commit:
            asked = box.run("git cat-file --batch-check", stdin="\n".join(later).encode())
            assert asked.text == "".join(f"{commit} missing\n" for commit in later)
        box.close()
        shutil.rmtree(spec.checkout.objects)
    assert counts == sorted(counts)
    assert counts[-1] == len(clone.run("rev-list", "--objects", record.base_commit).splitlines())


@pytest.mark.docker
def test_so_it_is_in_a_container(docker, lay, history, ledgerlite):
    last = len(ledgerlite.instances) - 1
    for position in (0, last // 2, last):
        spec = lay(position)
        box = docker.open(spec)
        assert audit(box, spec, history.reachable).objects == spec.checkout.count
        if position < last:
            later = ledgerlite.instances[last].base_commit
            assert not box.run(["git", "cat-file", "-e", later]).ok


@pytest.mark.docker
def test_the_past_can_be_read_whole(docker, lay, ledgerlite, clone):
    base = ledgerlite.instances[-1].base_commit
    box = docker.open(lay(-1))
    for command in (
        ("log", "--format=%H %s", "--stat", "HEAD"),
        ("blame", "--porcelain", "HEAD", "--", "README.md"),
        ("log", "--follow", "-p", "--format=%H", "HEAD", "--", "pyproject.toml"),
    ):
        done = box.run(["git", *command])
        assert done.ok, done.stderr
        assert done.text == clone.run(*(base if c == "HEAD" else c for c in command))
    assert box.run("git fsck --full --strict").ok


def test_a_later_pack_is_seen(plant, history, future, ledgerlite):
    def hard_link(objects):
        pack = history._pack(future, ledgerlite.instances[POSITION].base_commit)
        for file in pack.iterdir():
            os.link(file, objects / "pack" / file.name)

    with pytest.raises(LeakError, match=r"shows \d+ extra and 0 missing"):
        plant(change=hard_link)


def test_a_later_pack_without_its_index_is_seen(plant, history, future, ledgerlite):
    def hard_link(objects):
        pack = history._pack(future, ledgerlite.instances[POSITION].base_commit)
        for file in pack.glob("*.pack"):
            os.link(file, objects / "pack" / file.name)

    with pytest.raises(LeakError, match="pack without index"):
        plant(change=hard_link)


def test_a_bundle_beside_the_packs_is_seen(plant):
    with pytest.raises(LeakError, match="stray file"):
        plant(change=lambda objects: (objects / "future.bundle").write_bytes(b"x"))


def test_a_missing_pack_is_seen(plant):
    def remove(objects):
        smallest = min((objects / "pack").glob("*.pack"), key=lambda p: p.stat().st_size)
        smallest.unlink()
        smallest.with_suffix(".idx").unlink()

    with pytest.raises((LeakError, RolloutError)):
        plant(change=remove)


def test_a_missing_object_is_counted(plant, lay, local, history, clone):
    spec = lay(POSITION)
    box = local.open(spec)
    short = replace(spec.checkout, count=spec.checkout.count + 1, digest="0" * 64)
    expected = [*history.reachable(spec.checkout.commit), "f" * 40]
    with pytest.raises(LeakError, match=r"0 extra and 1 missing git objects \(f{40}\)"):
        audit(box, replace(spec, checkout=short), lambda commit: expected)


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        ("echo future | git hash-object -w --stdin", "1 extra and 0 missing"),
        ("git tag v9", "ref refs/tags/v9"),
        ("git update-ref refs/remotes/origin/main HEAD", "ref refs/remotes/origin/main"),
        ("git update-ref refs/stash HEAD", "ref refs/stash"),
        ("git update-ref refs/heads/main HEAD~1", "HEAD"),
        ("git remote add origin https://example.org/x", "remote.origin.url"),
        ("git rev-parse HEAD > .git/FETCH_HEAD", "FETCH_HEAD"),
        ("git rev-parse HEAD > .git/ORIG_HEAD", "ORIG_HEAD"),
        ("git pack-refs --all", "packed-refs"),
        ("git -c core.logAllRefUpdates=true update-ref refs/heads/main HEAD~1 &&"
         " git -c core.logAllRefUpdates=true update-ref refs/heads/main HEAD", ".git/logs"),
        ("mkdir -p .git/worktrees/x", ".git/worktrees"),
        ("echo __pycache__ >> .git/info/exclude; mkdir __pycache__; touch __pycache__/a.pyc",
         "bytecode"),
        ("echo new > new.py", "1 changed files"),
        ("rm README.md", "1 changed files"),
    ],
)  # fmt: skip
def test_a_trace_of_the_future_is_seen(plant, command, seen):
    with pytest.raises(LeakError, match=seen):
        plant(command)


@pytest.mark.parametrize("name", ["pytest", "PyTest", "import_linter", "Import.Linter"])
def test_an_installed_copy_of_the_project_is_seen(plant, name):
    with pytest.raises(LeakError, match=r"installed .*site-packages"):
        plant(distribution=name)


def test_other_distributions_are_not_mistaken_for_the_project(plant):
    assert plant(distribution="pytes").objects
    assert plant(distribution="no-such-thing").objects


@pytest.mark.docker
def test_an_installed_copy_is_seen_in_an_image_too(docker, lay, history):
    spec = lay()
    box = docker.open(spec)
    wrong = replace(spec, environment=replace(spec.environment, distribution="iniconfig"))
    with pytest.raises(LeakError, match="installed"):
        audit(box, wrong, history.reachable)


def test_what_an_agent_committed_is_gone_in_the_next_sandbox(local, lay, history):
    spec = lay(POSITION)
    first = local.open(spec)
    first.write("secret.py", b"SECRET = 1\n")
    made = first.run("git add -A && git commit -qm mine && git gc -q && git rev-parse HEAD")
    assert made.ok, made.stderr
    assert "secret.py" in collect_patch(first, spec.checkout.commit).files
    first.close()
    again = local.open(spec)
    assert audit(again, spec, history.reachable).objects == spec.checkout.count
    assert not again.run(["git", "cat-file", "-e", made.text.strip()]).ok


def test_the_log_of_a_memory_ends_at_the_base(clone, ledgerlite, future):
    base = ledgerlite.instances[POSITION].base_commit
    commits = list(log(clone, base))
    assert commits[0].sha == base
    assert future not in {commit.sha for commit in commits}
    assert [c.created_at for c in commits] == sorted((c.created_at for c in commits), reverse=True)
