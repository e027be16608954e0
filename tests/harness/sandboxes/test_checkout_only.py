"""The sandbox of studies that only read says what a checkout says, and checks out only once."""

from dataclasses import replace

import pytest

from benchmarks import checkout_only
from benchmarks.checkout_only import READERS, CheckoutOnly
from harness.grading import collect_patch
from harness.history import audit
from harness.sandboxes.local import LocalProvider, LocalSandbox
from seqswe.errors import LeakError, RolloutError
from seqswe.manifests.manifest_files import load


@pytest.fixture
def checkouts(monkeypatch, tmp_path):
    """The checkouts that were made, with a cache of its own."""
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))
    checkout_only._bare_python.cache_clear()
    made = []

    def opened(*arguments):
        made.append(LocalSandbox(*arguments))
        return made[-1]

    monkeypatch.setattr(checkout_only, "LocalSandbox", opened)
    yield made
    checkout_only._bare_python.cache_clear()


def said(box, *commands):
    done = [box.run(command) for command in commands]
    return [(d.exit_code, d.stdout, d.stderr, d.truncated) for d in done]


@pytest.fixture
def provider(checkouts):
    made = CheckoutOnly()
    yield made
    made.close()


def test_it_needs_no_packages(provider):
    environment = load("ledgerlite").environments[0]
    more = replace(environment, requirements=("no-such-package-at-all==1",))
    assert provider.prepare(more) == provider.prepare(environment)


def test_a_second_one_says_the_same_without_a_checkout(provider, checkouts, lay):
    commands = ("ls", "git status --short", "no-such-command", "git log --oneline")
    first, second = said(provider.open(lay(3)), *commands), said(provider.open(lay(3)), *commands)
    assert first == second
    assert len(checkouts) == 1
    plain = LocalProvider().open(lay(3))
    expected = said(plain, *commands)
    plain.close()
    assert [d[:2] for d in first] == [d[:2] for d in expected]


def test_readers_need_no_checkout_and_say_what_one_says(provider, checkouts, lay):
    plain, box = LocalProvider().open(lay(3)), provider.open(lay(3))
    listing = box.run(READERS[0])
    ids = b"\n".join(line.split()[2] for line in listing.stdout.split(b"\0")[:-1]) + b"\n"
    assert listing.stdout == plain.run(READERS[0]).stdout != b""
    assert box.run(READERS[1], stdin=ids).stdout == plain.run(READERS[1], stdin=ids).stdout
    assert not checkouts
    short = provider.open(lay(3, output_bytes=100)).run(READERS[1], stdin=ids)
    assert (len(short.stdout), short.truncated) == (100, True)
    plain.close()


def test_what_was_run_before_counts(provider, checkouts, lay):
    first = provider.open(lay(3))
    before = said(first, "ls", "rm *.md", "ls")
    assert before[0] != before[2]
    second = provider.open(lay(3))
    assert said(second, "ls", "rm *.md", "ls") == before
    assert len(checkouts) == 1
    # A command that is new is run after those that were only repeated.
    assert said(second, "git status --short") != said(provider.open(lay(3)), "git status --short")
    assert len(checkouts) == 3


def test_a_checkout_sees_every_command_once(provider, lay):
    (count,) = said(provider.open(lay(3)), "echo x >> new; wc -l < new")
    assert count[1].split() == [b"1"]
    box = provider.open(lay(3))
    said(box, "echo x >> new; wc -l < new")
    assert box.read("new") == box.read("new") == b"x\n"
    # Answered from the cache, with the checkout open: a command that is new comes after it.
    said(provider.open(lay(4)), "true", "rm *.md")
    mixed = provider.open(lay(4))
    mixed.run("true")
    mixed.read("README.md")
    said(mixed, "rm *.md")
    assert b".md" not in mixed.run("ls").stdout


def test_another_commit_or_build_is_another_answer(provider, checkouts, lay):
    said(provider.open(lay(3)), "ls")
    said(provider.open(lay(4)), "ls")
    (exit_code, listing, *_), *_ = said(
        provider.open(replace(lay(3), generated={"built.txt": "it\n"})), "ls"
    )
    assert exit_code == 0
    assert b"built.txt" in listing
    assert len(checkouts) == 3


def test_a_rollouts_own_commands_are_kept_too(provider, checkouts, lay, history):
    results = []
    for _ in range(2):
        spec = lay(3)
        box = provider.open(spec)
        results.append(
            (audit(box, spec, history.reachable), collect_patch(box, spec.checkout.commit))
        )
    assert results[0] == results[1]
    assert not results[0][1].patch
    assert len(checkouts) == 1


def test_the_audit_still_tells_other_objects(provider, lay, history):
    spec = lay(3)
    wrong = replace(spec, checkout=replace(spec.checkout, digest="0" * 64))
    for _ in range(2):
        with pytest.raises(LeakError):
            audit(provider.open(wrong), wrong, history.reachable)


def test_what_is_large_or_damaged_is_run_again(provider, checkouts, lay, tmp_path):
    large = "yes | head -c 2000000"
    assert said(provider.open(lay(3)), large, "ls") == said(provider.open(lay(3)), large, "ls")
    assert len(checkouts) == 2
    (answer,) = (p for p in (tmp_path / "cache").rglob("answers/*/*") if p.is_file())
    whole = answer.read_bytes()
    answer.write_bytes(whole[:9])
    said(provider.open(lay(3)), large, "ls")
    assert answer.stat().st_size > 9


def test_files_are_read_and_none_is_written(provider, lay):
    box = provider.open(lay(3))
    plain = LocalProvider().open(lay(3))
    name = plain.run("git ls-files | head -1").text.strip()
    assert box.read(name) == plain.read(name)
    with pytest.raises(RolloutError, match="only for reading"):
        box.write("a.py", b"")
    plain.close()


def test_nothing_is_left_and_a_closed_one_says_nothing(
    provider, checkouts, lay, monkeypatch, tmp_path
):
    (tmp_path / "open").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "open"))
    box = provider.open(lay(3))
    said(box, "ls", READERS[0])
    assert list((tmp_path / "open").iterdir())
    box.close()
    box.close()
    assert not list((tmp_path / "open").iterdir())
    with pytest.raises(RolloutError, match="closed"):
        box.run("ls")
