"""Which environment a task needs, read without running anything of its project."""

from datetime import UTC, date, datetime

import pytest

from harness.codebases.environment import choose_python, cutoff_of, environment_at, source_path_of
from harness.history.git import Clone
from harness.history.objects import CommitFiles, Objects
from seqswe.manifests.manifest import PythonSettings
from tests.harness.codebases.trees import Tree
from tests.harness.projects import commit

AUTO = PythonSettings(dated=True)


def environment(files, gold=None, when="2024-05-01", settings=AUTO):
    moment = datetime.fromisoformat(when).replace(tzinfo=UTC)
    return environment_at(Tree(files), Tree(gold or files), moment, settings)


@pytest.mark.parametrize(
    ("requires", "when", "version"),
    [
        ("", "2018-01-01", "3.8"),
        ("", "2020-12-31", "3.8"),
        ("", "2021-01-01", "3.9"),
        ("", "2021-12-31", "3.9"),
        ("", "2022-01-01", "3.11"),
        (">=3.6", "2023-01-01", "3.11"),
        (">=3.12", "2025-01-01", "3.13"),
        (">=3.10", "2021-11-01", "3.11"),
        ("<3.11", "2023-01-01", "3.9"),
        (">=2.7, !=3.0.*, !=3.1.*", "2019-01-01", "3.8"),
        (">=3.12,!=3.14.1", "2026-01-01", "3.13"),
        ("nonsense", "2023-01-01", "3.11"),
        ("<3", "2016-01-01", "3.8"),
        ("<3.8", "2019-01-01", "3.7"),
    ],
)
def test_the_python_is_of_the_task_s_time_if_the_project_allows_it(requires, when, version):
    assert choose_python(requires, date.fromisoformat(when)) == version


@pytest.mark.parametrize(
    ("python", "when", "cutoff"),
    [
        ("3.11", "2024-05-17", "2024-06-30"),
        ("3.11", "2024-12-31", "2024-12-31"),
        ("3.11", "2024-10-01", "2024-12-31"),
        ("3.11", "2019-01-01", "2023-02-01"),
        ("3.8", "2015-01-01", "2020-12-31"),
        ("3.9", "2019-01-01", "2021-03-31"),
        ("3.9", "2021-04-01", "2021-06-30"),
    ],
)
def test_no_release_after_the_quarter_counts_but_wheels_must_exist(python, when, cutoff):
    assert cutoff_of(python, datetime.fromisoformat(when).replace(tzinfo=UTC)) == cutoff


@pytest.mark.parametrize(
    ("paths", "source_path"),
    [
        (["x/__init__.py", "tests/test_x.py"], "."),
        (["src/x/__init__.py"], "src:."),
        (["src/x.py"], "src:."),
        (["lib/x/__init__.py", "setup.py"], "lib:."),
        (["src/__init__.py", "src/a.py"], "."),
        (["src/data.txt", "x/__init__.py"], "."),
    ],
)
def test_source_folders_are_those_of_the_commit(paths, source_path):
    assert source_path_of(Tree(dict.fromkeys(paths, ""))) == source_path


def test_equal_declarations_of_a_quarter_share_an_environment():
    files = {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["click>=8"]\n'}
    keys = {environment(files, when=when).key for when in ("2024-04-01", "2024-06-30")}
    assert len(keys) == 1
    assert environment(files, when="2024-07-01").key not in keys
    more = {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["click>=8", "attrs"]\n'}
    assert environment(more, when="2024-04-01").key not in keys


def test_what_only_the_fix_declares_is_installed_too():
    base = {"setup.py": "from setuptools import setup\nsetup(name='x', install_requires=['a'])\n"}
    gold = {"setup.py": "from setuptools import setup\nsetup(name='x', tests_require=['b'])\n"}
    assert {"a", "b", "pytest", "setuptools"} <= set(environment(base, gold).requirements)


def test_the_project_itself_and_its_tools_are_left_out():
    declares = '[project]\nname = "My.Tiny"\ndependencies = ["my-tiny", "ruff", "click"]\n'
    found = environment({"pyproject.toml": declares})
    assert found.distribution == "My.Tiny"
    assert found.requirements == ("click", "pytest", "setuptools")


def test_the_manifest_has_the_first_word():
    settings = PythonSettings(
        version="3.11", requirements=("pytest<8",), exclude=("click",), source_path="lib"
    )
    declares = '[project]\nname = "x"\ndependencies = ["click", "pytest>=8"]\n'
    found = environment({"pyproject.toml": declares}, settings=settings)
    assert found.requirements == ("pytest<8",)
    assert (found.python, found.source_path, found.cutoff) == ("3.11", "lib", "")


def test_files_of_a_real_commit(tmp_path):
    first = commit(tmp_path, {"src/x/__init__.py": "", "setup.cfg": "[metadata]\nname = x\n"})
    second = commit(tmp_path, {"requirements/test.txt": "hypothesis\n-r base.in\n",
                               "requirements/base.in": "attrs\n"}, day=1)  # fmt: skip
    with Objects(Clone(tmp_path)) as objects:
        files = [CommitFiles(objects, sha) for sha in (first, second)]
        assert files[0].text("src/x/__init__.py") == ""
        assert files[0].text("src") is None
        assert files[0].text("nothing") is None
        assert sorted(files[1].walk()) == [
            "requirements/base.in", "requirements/test.txt", "setup.cfg", "src/x/__init__.py",
        ]  # fmt: skip
        assert files[0].oid("src/x") == files[1].oid("src/x") != ""
        found = environment_at(*files, datetime(2024, 1, 1, tzinfo=UTC), AUTO)
    assert found.requirements == ("attrs", "hypothesis", "pytest", "setuptools")
    assert found.source_path == "src:."
