"""The demo codebase: the same history everywhere, and issues that its tests can tell apart."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.codebases import demo

# Fixes spread over the whole history, one per area of the library.
SAMPLE = (
    "Do not take Expenses:Foodstuff for a child of Expenses:Food",
    "Keep the odd cent when a total is shared",
    "Do not shrink a union when one span lies inside another",
    "Fill an elided amount in each currency of the entry",
    "Convert through a third currency",
    "Match account names with patterns",
)


def git(repository, *arguments):
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def checkout(repository, revision, target, *paths):
    """Write the files of a revision (or only some of its folders) into a folder."""
    target.mkdir(exist_ok=True)
    archive = ["git", "-C", str(repository), "archive", revision, *paths]
    packed = subprocess.run(archive, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(target)], input=packed, check=True)
    return target


def run_suite(folder, *files):
    """Run pytest in a folder and return its exit code and the last line that it prints."""
    # This test run's own options must not reach the inner one.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return demo.build(tmp_path_factory.mktemp("demo") / "ledgerlite.git")


def test_two_builds_give_the_recorded_head(repository, tmp_path):
    again = demo.build(tmp_path / "deep" / "ledgerlite.git")
    assert git(again, "rev-parse", "main").strip() == demo.expected_head()
    assert git(again, "rev-list", "main") == git(repository, "rev-list", "main")


def test_the_repository_is_bare_and_has_one_branch(repository):
    assert git(repository, "rev-parse", "--is-bare-repository").strip() == "true"
    assert git(repository, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main"]


def test_building_over_a_build_changes_nothing(repository):
    assert demo.build(repository) == repository


def test_the_settings_of_the_user_do_not_matter(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[user]\n\tname = X\n[core]\n\tautocrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_COMMITTER_NAME", "somebody")
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    built = demo.build(tmp_path / "ledgerlite.git")
    head = (built / "refs" / "heads" / "main").read_text().strip()
    assert head == demo.expected_head()


def test_a_relative_target_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert demo.build(Path("ledgerlite.git")) == Path("ledgerlite.git")


def test_another_head_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "expected_head", lambda: "0" * 40)
    with pytest.raises(demo.DemoError, match=r"main is at \w{40}, but the recorded head is 0{40}"):
        demo.build(tmp_path / "ledgerlite.git")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_an_error(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(demo.DemoError, match="not a git repository"):
        demo.build(tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_dates_never_decrease(repository):
    dates = [int(line) for line in git(repository, "log", "--reverse", "--format=%at").split()]
    assert dates == sorted(dates)
    assert dates == [
        int(line) for line in git(repository, "log", "--reverse", "--format=%ct").split()
    ]


def test_history_is_long_and_linear(repository):
    assert len(git(repository, "rev-list", "main").split()) >= 60
    assert git(repository, "rev-list", "--min-parents=2", "main") == ""


def test_the_suite_of_the_head_passes(repository, tmp_path):
    code, summary = run_suite(checkout(repository, "main", tmp_path / "head"))
    assert code == 0, summary


@pytest.mark.parametrize("loaded", SAMPLE)
def test_a_fix_turns_its_tests_from_red_to_green(repository, tmp_path, loaded):
    fix = git(repository, "log", "--format=%H", "--fixed-strings", f"--grep={loaded}").strip()
    tests = git(repository, "diff", "--name-only", f"{fix}~", fix, "--", "tests").split()
    parent = checkout(repository, f"{fix}~", tmp_path / "parent")
    checkout(repository, fix, parent, "tests")
    code, before = run_suite(parent, *tests)
    assert code == 1, before
    assert "passed" in before
    assert "error" not in before
    code, after = run_suite(checkout(repository, fix, tmp_path / "fix"), *tests)
    assert code == 0, after
