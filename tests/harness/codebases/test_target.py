"""What `seqswe mine` may be given, and the two lines that say what would work."""

import json
import subprocess
from dataclasses import dataclass

import pytest

from harness.codebases.locate import alone_in, cached_name, clone_of
from harness.codebases.target import find_origin
from seqswe.cli import main
from seqswe.errors import SeqSWEError
from seqswe.manifests import manifest_files as manifests
from tests.harness.projects import commit, git


@pytest.fixture(autouse=True)
def codebases(tmp_path, monkeypatch):
    """Folders of one's own that are empty; the working folder is an empty one."""
    monkeypatch.setenv("SEQSWE_CODEBASES", str(tmp_path / "codebases"))
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "codebases"


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one candidate."""
    folder = tmp_path / "Tiny App"
    setup = "from setuptools import setup\nsetup(name='tiny', python_requires='>=3.9')\n"
    base = {"setup.py": setup, "tiny/a.py": "1\n", "tiny/__init__.py": "", "LICENSE": "MIT"}
    commit(folder, {**base, "tests/test_a.py": "1\n"}, day=0)
    commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": "2\n"}, day=1)
    commit(folder, {"tiny/a.py": "3\n"}, day=2)
    return folder


def bare(checkout, target):
    target.parent.mkdir(parents=True)
    subprocess.run(["git", "clone", "-q", "--bare", checkout, target], check=True)
    git(target, "config", "--unset", "remote.origin.url")
    return target


@dataclass
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def seqswe(capsys):
    """The command line as a user meets it."""

    def made(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Answer(ended.value.code or 0, said.out, said.err)

    return made


def test_the_checkout_one_stands_in(seqswe, checkout, codebases, monkeypatch):
    monkeypatch.chdir(checkout / "tiny")
    answer = seqswe("mine")
    assert answer.code == 0, answer.err
    manifest = manifests.load("tiny-app")
    assert manifest.url == str(checkout)
    assert manifest.repo == "local/Tiny-App"
    assert manifest.folder == codebases / "tiny-app"
    assert clone_of(manifest, "").path == checkout / ".git", "it is used in place"
    assert "Next: seqswe validate tiny-app\n" in answer.err
    assert "1 candidates in 1 environments, of 3 commits" in answer.err
    assert "1 left out: is the first commit" in answer.err
    assert "1 left out: changes no test module" in answer.err
    assert "1 from commit messages" in answer.err
    for word in ("name", "licence", "distribution", "source", "tests", "Python"):
        assert any(line.startswith(word) for line in answer.err.splitlines())
    assert "tiny-app" in manifests.names()
    assert "tiny-app" in seqswe("list", "codebases").out


def test_where_nothing_is_found_the_next_step_is_said(seqswe, tmp_path, codebases):
    commit(tmp_path / "own", {"own/a.py": "1\n", "app/checks.py": "1\n"})
    commit(tmp_path / "own", {"own/a.py": "2\n", "app/checks.py": "2\n"}, day=1)
    answer = seqswe("mine", tmp_path / "own")
    assert answer.code == 0, answer.err
    assert "Next: if the project has tests of other names, say so" in answer.err
    assert str(codebases / "own" / "manifest.toml") in answer.err


@pytest.mark.parametrize("given", ["path", "relative", "bare", "url", "mirror"])
def test_every_way_of_naming_gives_the_same_candidates(
    seqswe, checkout, codebases, tmp_path, given, monkeypatch
):
    mirror = tmp_path / "mirror"
    clone = bare(checkout, mirror / "some+thing" / "repo")
    monkeypatch.chdir(tmp_path)
    target = {
        "path": checkout,
        "relative": "./Tiny App",
        "bare": clone,
        "url": f"file://{clone}",
        "mirror": "some/thing",
    }[given]
    answer = seqswe("mine", target, *(["--mirror", mirror] if given == "mirror" else []))
    assert answer.code == 0, answer.err
    [name] = [path.name for path in codebases.iterdir()]
    lines = (codebases / name / "candidates.jsonl").read_text().splitlines()
    [record] = map(json.loads, lines)
    assert record["gold_files"] == ["tiny/a.py"]
    manifest = manifests.load(name)
    found = clone_of(manifest, str(mirror) if given == "mirror" else "")
    assert found.has(record["gold_commit"])
    repos = {"bare": "some/thing", "mirror": "some/thing", "url": "some+thing/repo"}
    if given in ("bare", "mirror"):
        assert manifest.repo == repos[given]


def test_a_remote_names_the_repository(checkout):
    for url in ("https://github.com/Some/Thing.git", "git@example.org:x/Some/Thing"):
        git(checkout, "remote", "add", "origin", url)
        assert find_origin(str(checkout), "").repo == "Some/Thing"
        git(checkout, "remote", "remove", "origin")


def test_mining_again_keeps_the_manifest_and_sees_the_new_head(seqswe, checkout, codebases):
    assert seqswe("mine", checkout).code == 0
    path = codebases / "tiny-app" / "manifest.toml"
    text = path.read_text().replace("max_source_files = 20", "max_source_files = 7")
    path.write_text(text)
    commit(checkout, {"tiny/a.py": "4\n", "tests/test_a.py": "4\n"}, day=5)
    answer = seqswe("mine", checkout)
    assert "is kept" in answer.err
    assert "2 candidates" in answer.err
    assert manifests.load("tiny-app").mining.max_source_files == 7


def test_a_codebase_that_another_process_writes_is_left_to_it(seqswe, checkout, codebases):
    assert seqswe("mine", checkout).code == 0
    with alone_in(codebases / "tiny-app"):
        for command in (("mine", checkout), ("validate", "tiny-app")):
            answer = seqswe(*command)
            assert answer.code == 2
            assert "is in use by another process" in answer.err
            assert "Wait until it has ended" in answer.err
    assert seqswe("mine", checkout).code == 0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("environment", "0123456789ab", 2), ("base_commit", "0" * 40, 3)],
)
def test_a_candidate_that_leads_nowhere_is_named(seqswe, checkout, codebases, field, value, code):
    assert seqswe("mine", checkout).code == 0
    path = codebases / "tiny-app" / "candidates.jsonl"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {field: value}) + "\n")
    answer = seqswe("validate", "tiny-app", "--sandbox", "local")
    refused(answer, code, str(path), record["instance_id"], f"field '{field}'", value)


def test_a_folder_of_a_manifests_name_is_no_codebase(seqswe, codebases):
    (codebases / "tiny-app" / "manifest.toml").mkdir(parents=True)
    answer = seqswe("validate", "tiny-app")
    assert (answer.code, "'tiny-app'" in answer.err.splitlines()[1]) == (2, False), answer.err


def test_a_folder_of_ones_choice(seqswe, checkout, tmp_path, codebases):
    answer = seqswe("mine", checkout, "--out", tmp_path / "chosen")
    assert answer.code == 0, answer.err
    assert f"Next: seqswe validate {tmp_path / 'chosen'}" in answer.err
    assert not codebases.exists()
    other = tmp_path / "other"
    commit(other, {"a.py": "1\n"})
    answer = seqswe("mine", other, "--out", tmp_path / "chosen")
    assert answer.code == 2
    assert "describes another codebase" in answer.err


def refused(answer, code, *words):
    lines = answer.err.splitlines()
    assert (answer.code, len(lines)) == (code, 2), answer.err
    assert all(len(line) <= 310 for line in lines)
    for word in words:
        assert word in answer.err, answer.err
    return True


def test_what_would_work_is_said(seqswe, checkout, tmp_path, monkeypatch):
    assert refused(seqswe("mine"), 2, "is empty", "OWNER/NAME")
    assert refused(seqswe("mine", "."), 2, "is empty", "OWNER/NAME")
    (tmp_path / "here" / "file").write_text("x")
    assert refused(seqswe("mine"), 2, "is not a git repository", "OWNER/NAME")
    assert refused(seqswe("mine", "no-such-name"), 2, "unknown codebase", "OWNER/NAME")
    assert refused(seqswe("mine", "ledgerlit"), 2, "Did you mean 'ledgerlite'?")
    assert refused(seqswe("mine", "--", "--x"), 2, "unknown codebase '--x'", "OWNER/NAME")
    assert refused(seqswe("mine", "../no/such/folder"), 2, "unknown codebase")
    assert refused(seqswe("mine", "x" * 100_000), 2, "unknown codebase")
    assert refused(seqswe("mine", "ext::sh -c x"), 2, "unknown codebase")
    bare(checkout, tmp_path / "mirror" / "some+thing" / "repo")
    assert refused(seqswe("mine", "thing", "--mirror", tmp_path / "mirror"), 2, "some/thing")
    missing = f"file://{tmp_path}/no/such.git"
    assert refused(seqswe("mine", missing), 3, "cannot clone")


def test_a_folder_inside_of_a_checkout_is_no_clone(seqswe, checkout):
    (checkout / "empty").mkdir()
    assert refused(seqswe("mine", checkout / "empty"), 2, "is empty")
    assert refused(seqswe("mine", checkout / "tiny"), 2, "is not a git repository")


def test_clones_that_cannot_be_mined_are_said(seqswe, checkout, tmp_path):
    shallow = tmp_path / "shallow"
    command = ["git", "clone", "-q", "--depth", "1", f"file://{checkout}", shallow]
    subprocess.run(command, check=True)
    assert refused(seqswe("mine", shallow), 3, "is shallow", "--unshallow")
    git(tmp_path, "init", "-q", "new")
    assert refused(seqswe("mine", tmp_path / "new"), 2, "no commit yet")
    commit(tmp_path / "text", {"README": "x"})
    assert refused(seqswe("mine", tmp_path / "text"), 2, "no Python file")


def test_clones_of_other_hosts_lie_apart():
    usual = cached_name("a/b", "https://github.com/a/b")
    assert usual == cached_name("a/b", "https://github.com/a/b.git") == "a+b"
    others = {cached_name("a/b", url) for url in ("file:///a/b", "https://example.org/a/b")}
    assert len({usual, *others}) == 3


def test_a_url_is_no_option(tmp_path):
    with pytest.raises(SeqSWEError):
        find_origin("ssh://-oProxyCommand=touch x/y", "")
    assert not list((tmp_path / "here").iterdir())
