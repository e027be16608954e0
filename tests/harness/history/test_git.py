"""git is called so that no name from outside can be an option, and no URL a program."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.history.git import Clone, clone_bare
from seqswe.errors import MissingError
from tests.harness.projects import commit

PACKAGES = [Path(__file__).parents[3] / name for name in ("harness", "seqswe", "memory_backends")]
CALL = re.compile(r"(.*(?i:clone|git|side)\b.*\.(run|run_bytes|open)|run_git|_git)")
OWN_CALL = re.compile(r"self\.(run|run_bytes|open)")
ENDS = ("--", "--end-of-options")
SEARCH = ["text", "commit"]
"""`git grep` has no end of options before a revision: there the id itself is checked."""


def git_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of git on the host, by where it stands."""
    for path in (p for package in PACKAGES for p in package.rglob("*.py")):
        text = path.read_text()
        if "history.git import" not in text and path.name != "git.py":
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called, in_clone = ast.unparse(node.func), path.name == "git.py"
            if CALL.fullmatch(called) or (in_clone and OWN_CALL.fullmatch(called)):
                yield f"{path.name}:{node.lineno}", node


def is_fixed(word: ast.expr) -> bool:
    """Whether a word cannot be an option that someone else chose."""
    if isinstance(word, ast.JoinedStr):
        first = word.values[0]
        return isinstance(first, ast.Constant) and str(first.value).startswith("--")
    if isinstance(word, ast.Starred):  # a list that the module spells out itself
        return isinstance(word.value, ast.Name)
    return isinstance(word, ast.Constant)


def unguarded(call: ast.Call) -> list[str]:
    """Words of a call that stand before the end of its options and are not fixed."""
    words = list(call.args)
    if getattr(call.func, "id", "") in ("run_git", "_git"):
        words = words[1:]  # the folder
    ended = [i for i, w in enumerate(words) if isinstance(w, ast.Constant) and w.value in ENDS]
    before = words[: ended[0]] if ended else words
    loose = [ast.unparse(word) for word in before if not is_fixed(word)]
    return [] if loose == SEARCH else loose


def test_every_call_with_a_name_ends_its_options():
    calls = list(git_calls())
    assert len(calls) > 30
    wrong = {where: words for where, call in calls if (words := unguarded(call))}
    assert not wrong


def test_no_other_module_starts_git():
    for path in (p for package in PACKAGES for p in package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.List)
                and node.elts
                and not {"testing", "inside", "templates"} & set(path.parts)
            ):
                first = node.elts[0]
                is_git = isinstance(first, ast.Constant) and first.value == "git"
                assert not is_git or path.name == "git.py", f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    "url", ["--upload-pack=touch x", "ext::sh -c touch% x", "fd::3", "-x", "ssh://-oProxyCommand=x"]
)
def test_a_url_starts_no_program(tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingError, match="cannot clone"):
        clone_bare(url, tmp_path / "clones" / "x+y")
    assert not [p for p in tmp_path.rglob("*") if p.name == "x"]


def test_a_name_that_is_an_option_is_no_commit(tmp_path):
    commit(tmp_path, {"a": "1"})
    clone = Clone(tmp_path)
    for name in ("--output=x", "-x", "--", "", "no such branch", "HEAD\nHEAD"):
        assert clone.commit_id(name) == ""
        assert not clone.has(name)
        assert not name or clone.show(name, "a") is None
    assert clone.commit_id("main") == clone.commit_id("HEAD")
    assert not (tmp_path / "x").exists()


def test_a_repository_with_longer_ids_is_read(tmp_path):
    from harness.history.objects import CommitFiles, Objects
    from tests.harness.projects import git

    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", ".")
    sha = commit(tmp_path, {"a/b.py": "1\n"})
    clone = Clone(tmp_path)
    assert len(sha) == 64
    with Objects(clone) as objects:
        assert CommitFiles(objects, sha).text("a/b.py") == "1\n"


def test_a_search_takes_no_option_for_a_commit(tmp_path):
    commit(tmp_path, {"a": "needle\n"})
    clone = Clone(tmp_path)
    with pytest.raises(ValueError, match="not the id of a commit"):
        clone.lines(f"-O{tmp_path / 'program'}", "needle")
    assert clone.lines(clone.commit_id("HEAD"), "needle") == ["needle", ""]


def test_attributes_of_the_user_make_no_file_binary(tmp_path, monkeypatch):
    home = tmp_path / "home" / "git"
    home.mkdir(parents=True)
    (home / "attributes").write_text("* -diff\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    repository = tmp_path / "repository"
    repository.mkdir()
    commit(repository, {"a": "1\n"})
    sha = commit(repository, {"a": "2\n"})
    assert "+2" in Clone(repository).run("diff-tree", "-p", "--end-of-options", sha, "--")


STEERING = {
    "GIT_DIR": "{elsewhere}",
    "GIT_WORK_TREE": "{elsewhere}",
    "GIT_INDEX_FILE": "{elsewhere}/index",
    "GIT_OBJECT_DIRECTORY": "{elsewhere}",
    "GIT_COMMON_DIR": "{elsewhere}",
    "GIT_NAMESPACE": "other",
    "GIT_CEILING_DIRECTORIES": "/",
    "GIT_EXTERNAL_DIFF": "touch {elsewhere}/started; true",
    "GIT_PAGER": "touch {elsewhere}/started",
    "GIT_EXEC_PATH": "{elsewhere}",
    "GIT_ICASE_PATHSPECS": "1",
    "GIT_TRACE": "{elsewhere}/started",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "log.showSignature",
    "GIT_CONFIG_VALUE_0": "true",
    "GIT_CONFIG_PARAMETERS": "'not a setting",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_REPLACE_REF_BASE": "refs/heads/",
}
"""What a hook or a shell may have set; each alone misleads git or stops it."""


@pytest.mark.parametrize("name", STEERING)
def test_a_variable_of_the_caller_does_not_reach_git(tmp_path, monkeypatch, name):
    repository, elsewhere = tmp_path / "repository", tmp_path / "elsewhere"
    repository.mkdir()
    elsewhere.mkdir()
    sha = commit(repository, {"a": "1\n"})
    monkeypatch.setenv(name, STEERING[name].format(elsewhere=elsewhere))
    clone = Clone(repository)
    assert clone.commit_id("HEAD") == sha
    assert clone.show(sha, "a") == "1\n"
    with clone.open("cat-file", "--batch") as process:
        assert process.communicate(sha.encode() + b"\n")[0].startswith(sha.encode())
    clone_bare(str(repository), tmp_path / "copy")
    assert Clone(tmp_path / "copy").has(sha)
    assert not os.listdir(elsewhere)
