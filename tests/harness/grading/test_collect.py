"""An agent's patch is what its files are, whatever it did to git."""

from dataclasses import replace

import pytest

from harness.grading import collect_patch
from harness.grading.patch import paths_of
from seqswe.errors import RolloutError
from tests.harness.projects import Tiny, commit, git


@pytest.fixture
def box(local, lay):
    return local.open(lay(-1))


@pytest.fixture
def collect(box, ledgerlite):
    base = ledgerlite.instances[-1].base_commit

    def collected(command="true"):
        done = box.run(command)
        assert done.ok, done.stderr
        return collect_patch(box, base).patch

    return collected


def changed(patch):
    return set(paths_of(patch)) if patch else set()


def test_what_a_build_would_have_written_is_there_and_in_no_patch(local, lay, ledgerlite):
    files = {"ledgerlite/_version.py": "version = '1'\n", "it's %s.txt": "100 %\n"}
    box = local.open(replace(lay(-1), generated=files))
    assert {name: box.read(name).decode() for name in files} == files
    assert box.run("git status --porcelain").text == ""
    box.run("echo >> ledgerlite/_version.py; echo > new.py")
    base = ledgerlite.instances[-1].base_commit
    assert changed(collect_patch(box, base).patch) == {"new.py"}


def test_a_repository_with_longer_ids_is_graded_and_collected(local, tmp_path):
    (tmp_path / "clone").mkdir()
    git(tmp_path / "clone", "init", "-q", "-b", "main", "--object-format=sha256", ".")
    commit(tmp_path / "clone", {"tiny/a.py": "1\n", "tests/test_a.py": "1\n"})
    commit(tmp_path / "clone", {"tiny/a.py": "2\n", "tests/test_a.py": "2\n"}, day=1)
    tiny = Tiny(tmp_path, local)
    box = tiny.open(0)
    box.run("echo 3 > tiny/a.py; git commit -qam mine")
    patch = collect_patch(box, tiny.instance(0).base_commit).patch
    assert changed(patch) == {"tiny/a.py"}
    assert "+3" in patch


@pytest.fixture
def whole(box, ledgerlite):
    """`whole("touch x")` is all that is collected, with what is left out."""

    def collected(command, **limits):
        done = box.run(command)
        assert done.ok, done.stderr
        return collect_patch(box, ledgerlite.instances[-1].base_commit, **limits)

    return collected


@pytest.fixture
def source(box):
    """A source file of the checkout."""
    return box.run("git ls-files 'ledgerlite/*.py' | tail -1").text.strip()


def test_an_untouched_checkout_gives_an_empty_patch(collect):
    assert collect() == ""
    assert collect("git gc -q && git status && touch README.md") == ""


def test_the_patch_makes_the_same_files_again(local, lay, collect, box, source):
    box.write("ledgerlite/new file.py", b"new = 1")
    box.write("ledgerlite/ünicode.bin", bytes(range(256)))
    box.write("ledgerlite/empty.py", b"")
    box.write("deep/er/dos.txt", b"a\r\nb\x0c\x85\xff")
    patch = collect(f"echo x >> {source}; chmod +x {source}; rm README.md; ln -s {source} link")
    again = local.open(lay(-1))
    done = again.run(
        "git apply --whitespace=nowarn -", stdin=patch.encode(errors="surrogateescape")
    )
    assert done.ok, done.stderr
    tree = "git add -A && git write-tree"
    assert again.run(tree).text == box.run(tree).text


def test_new_files_are_part_of_it_and_ignored_ones_are_not(collect):
    patch = collect("echo '*.log' > .gitignore; touch a.log b.py; mkdir -p x && echo 1 > x/c.log")
    assert changed(patch) == {".gitignore", "b.py"}


@pytest.mark.parametrize(
    "trick",
    [
        "git add -A",
        "git add -A && git commit -qm mine",
        "git add -A && git commit -qm mine && git checkout -q HEAD~0 && git branch -D main",
        "git checkout -qb other && git add -A && git commit -qm mine",
        "git add -A && git commit -qm mine && git reset -q --soft HEAD~3",
        "git update-index --assume-unchanged $SOURCE",
        "git update-index --skip-worktree $SOURCE",
        "touch -r README.md $SOURCE && git update-index -q --refresh; touch -r README.md $SOURCE",
        "rm -f .git/index",
        "echo broken > .git/index",
        "touch .git/index.lock",
        "git config core.fileMode false; git config core.autocrlf true",
        "git config diff.noprefix true; git config diff.mnemonicPrefix true",
        "git config color.ui always; git config diff.external false",
        "git config --file ~/.gitconfig diff.noprefix true",
        "git config core.worktree /nowhere",
        "git config core.bare true",
        "git config core.fsmonitor true",
        "git config status.showUntrackedFiles no; git config core.untrackedCache true",
        "git config core.hooksPath hooks; mkdir -p .git/hooks; echo exit 1 > .git/hooks/pre-commit",
        "echo '* -diff' > .git/info/attributes",
    ],
)
def test_tricks_with_git_do_not_matter(box, collect, source, trick):
    plain = collect(f"echo '# mine' >> {source}; echo 'new = 1' > new.py")
    assert changed(plain) == {source, "new.py"}
    box.run(trick, env={"SOURCE": source})
    assert collect() == plain


def test_what_is_stashed_is_not_in_the_files_and_so_not_in_the_patch(collect, source):
    patch = collect(f"echo '# mine' >> {source}; git stash -q; echo 1 > kept.py")
    assert changed(patch) == {"kept.py"}


@pytest.mark.parametrize("commit", ["", "git -c user.name=x -c user.email=x commit -qm x &&"])
def test_a_repository_inside_the_checkout_is_told_by_its_files(collect, commit):
    patch = collect(f"mkdir in && cd in && git init -q . && echo 1 > a && git add a && {commit} :")
    assert changed(patch) == {"in/a"}


def test_collecting_leaves_the_repository_of_the_agent_alone(box, collect):
    box.run("echo 1 > staged && git add staged && echo 2 > unstaged")
    before = box.run("git status --porcelain && git rev-parse HEAD").text
    collect()
    assert box.run("git status --porcelain && git rev-parse HEAD").text == before


def test_without_a_checkout_it_is_the_agents_failure(collect):
    with pytest.raises(RolloutError, match="could not be collected") as caught:
        collect("mv $PWD ../elsewhere")
    assert caught.value.cause == "agent_crashed"


@pytest.mark.docker
def test_it_is_the_same_in_a_container(docker, lay, ledgerlite, box, collect, source):
    change = f"echo '# mine' >> {source}; echo 1 > new.py; git config --global diff.noprefix true"
    inside = docker.open(lay(-1))
    inside.run(change)
    plain = collect(f"echo '# mine' >> {source}; echo 1 > new.py")
    assert collect_patch(inside, ledgerlite.instances[-1].base_commit).patch == plain
