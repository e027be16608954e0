"""A commit's files as an archive: what git would write, in bounded room, and never stale."""

import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from harness.history import History, audit, trees
from harness.history.git import Clone
from harness.sandboxes.checkout import checkout_script
from seqswe.errors import LeakError, RolloutError
from seqswe.sandbox import Checkout, Environment, SandboxSpec

WHO = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENV = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "HOME": "/nowhere", **WHO}
FILES = {
    "plain": b"x\n",
    "deep/er/file": b"",
    "with space and ünusual\nletters": b"\xff\x00",
    "windows.txt": b"a\nb\n",
    "named.txt": b"$Id$\n",
    "left-out.txt": b"in the checkout, though not in `git archive`\n",
    ".gitattributes": b"windows.txt eol=crlf\nnamed.txt ident\nleft-out.txt export-ignore\n",
    ".gitignore": b"ignored\n",
    "-dash": b"\n",
}


def git(folder, *arguments):
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=ENV, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def odd(tmp_path):
    """A clone with two commits of odd files; the second changes one of them."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "runs").write_text("#!/bin/sh\n")
    (folder / "runs").chmod(0o755)
    (folder / "link").symlink_to("deep/er/file")
    (folder / "dangling").symlink_to("nowhere")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    (folder / "plain").write_text("changed\n")
    git(folder, "commit", "-qam", "second")
    return Clone(folder)


@pytest.fixture
def bases(odd):
    return git(odd.path, "rev-list", "--reverse", "main").split()


def unpacked(checkout: Checkout, folder: Path):
    """The folder that a sandbox's checkout makes."""
    folder.mkdir()
    environment = Environment(key="tests", python="3.11", requirements=())
    spec = SandboxSpec(environment=environment, checkout=checkout)
    subprocess.run(
        ["sh", "-c", checkout_script(spec, str(checkout.objects))],
        cwd=folder,
        env=ENV,
        check=True,
    )
    return folder


def listing(folder):
    return {
        str(path.relative_to(folder)): (
            os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_bytes(),
            path.is_symlink() or oct(path.stat().st_mode),
        )
        for path in folder.rglob("*")
        if path.name != "index" and ".git/objects" not in str(path)
    }


def test_it_unpacks_to_what_git_writes(odd, bases, tmp_path):
    history = History(odd, bases, tmp_path / "cache")
    before = os.umask(0o077)
    try:
        checkout = history.checkout(bases[1], tmp_path / "objects")
    finally:
        os.umask(before)
    assert checkout.tree
    ours = unpacked(checkout, tmp_path / "ours")
    theirs = unpacked(replace(checkout, tree=""), tmp_path / "theirs")
    assert listing(ours) == listing(theirs)
    assert git(ours, "status", "--porcelain", "--ignored") == ""
    assert git(ours, "ls-files", "-s") == git(theirs, "ls-files", "-s")


def test_git_reads_every_unpacked_file_anew(odd, bases, tmp_path):
    checkout = History(odd, bases, tmp_path / "cache").checkout(bases[1], tmp_path / "objects")
    folder = unpacked(checkout, tmp_path / "ours")
    plain = folder / "plain"
    times = plain.stat()
    plain.write_bytes(b"CHANGED\n")
    os.utime(plain, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert git(folder, "status", "--porcelain") == " M plain\n"


def test_a_damaged_archive_is_made_anew(odd, bases, tmp_path):
    History(odd, bases, tmp_path / "cache").checkout(bases[1], tmp_path / "first")
    (archive,) = (tmp_path / "cache" / "trees").glob("*.tar")
    archive.chmod(0o644)
    archive.write_bytes(archive.read_bytes().replace(b"changed\n", b"Changed\n"))
    again = History(odd, bases, tmp_path / "cache").checkout(bases[1], tmp_path / "second")
    assert (unpacked(again, tmp_path / "x") / "plain").read_text() == "changed\n"


def test_the_archive_of_another_commit_opens_no_sandbox(lay, local):
    later, spec = lay(5), lay(0)
    tree = spec.checkout.objects / spec.checkout.tree
    tree.unlink()
    os.link(later.checkout.objects / later.checkout.tree, tree)
    with pytest.raises(RolloutError, match="checkout") as caught:
        local.open(spec)
    assert caught.value.cause == "sandbox_failed"


def test_the_audit_finds_a_file_that_is_not_the_commits(history, lay, local, tmp_path):
    spec = lay(0)
    tree = spec.checkout.objects / spec.checkout.tree
    with tarfile.open(tree) as archive:
        archive.extractall(tmp_path / "x", filter="data")
    tree.unlink()
    (tmp_path / "x" / "README.md").write_text("of a later time")
    with tarfile.open(tree, "w") as archive:
        for path in (tmp_path / "x").iterdir():
            archive.add(path, path.name)
    box = local.open(spec)
    with pytest.raises(LeakError, match="1 changed files"):
        audit(box, spec, history.reachable)


def test_archives_take_bounded_room(odd, bases, tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "MAX_BYTES", 0)
    history = History(odd, bases, tmp_path / "cache")
    kept = [history.checkout(base, tmp_path / base) for base in bases]
    assert len(list((tmp_path / "cache" / "trees").iterdir())) == 1
    for number, checkout in enumerate(kept):  # what a sandbox has stays
        assert (unpacked(checkout, tmp_path / f"{number}") / "plain").is_file()


def test_a_sequence_that_has_no_room_finds_some_archives_again(odd, tmp_path, monkeypatch):
    cache = trees.Trees(tmp_path / "trees")
    for number in range(6):
        (odd.path / "plain").write_text(f"{number}\n")
        git(odd.path, "commit", "-qam", "another")
    commits = git(odd.path, "rev-list", "--reverse", "main").split()
    made, make = [], cache._make
    monkeypatch.setattr(cache, "_make", lambda clone, c: made.append(c) or make(clone, c))
    for number in range(10):
        for commit in commits:
            assert cache.put(odd, commit, tmp_path / f"{number}-{commit}")
            size = (tmp_path / f"{number}-{commit}").stat().st_size
            monkeypatch.setattr(trees, "MAX_BYTES", 5 * size + size // 2)
    # Never, by chance, once in 10^20; always, if what was not used for longest went first.
    assert 8 < len(made) < 80


def test_an_archive_that_another_process_removes_is_made_again(odd, bases, tmp_path, monkeypatch):
    cache = trees.Trees(tmp_path / "trees")
    find, lost = cache._find, []

    def removed_at_once(commit):
        archive = find(commit)
        if archive and not lost:
            archive.unlink()
            lost.append(archive)
        return archive

    monkeypatch.setattr(cache, "_find", removed_at_once)
    for number in range(2):
        assert cache.put(odd, bases[0], tmp_path / f"{number}")
    assert len(lost) == 1
    assert len(list((tmp_path / "trees").glob(f"{bases[0]}-*.tar"))) == 1
    with tarfile.open(tmp_path / "1") as archive:
        assert "plain" in archive.getnames()


def test_no_archive_is_made_where_git_cannot_write_the_files(odd, bases, tmp_path):
    blob = git(odd.path, "rev-parse", f"{bases[1]}:plain").strip()
    made = trees.Trees(tmp_path / "trees")
    (odd.objects / blob[:2] / blob[2:]).unlink()
    assert not made.put(odd, bases[1], tmp_path / "tree.tar")
    assert not (tmp_path / "tree.tar").exists()
    assert list((tmp_path / "trees").iterdir()) == []
