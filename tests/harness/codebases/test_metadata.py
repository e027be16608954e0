"""What the sandboxes of a task are told of the project itself."""

from dataclasses import replace

import pytest

from harness.codebases.metadata import Metadata
from harness.history.git import Clone
from seqswe.sandbox import Environment
from tests.harness.projects import commit, git

PROJECT = '[project]\nname = "tiny"\ndynamic = ["version"]\n[project.scripts]\ntiny = "tiny:main"\n'
DATED = Environment(
    key="0" * 12, python="3.11", requirements=(), cutoff="2024-03-31", distribution="tiny"
)


@pytest.fixture
def metadata(tmp_path):
    """Metadata of a project with a tag between its two commits, and these commits."""
    folder = tmp_path / "clone"
    first = commit(folder, {"pyproject.toml": PROJECT, "tiny/__init__.py": ""})
    git(folder, "tag", "v1.2.0")
    second = commit(folder, {"tiny/a.py": "x = 1\n"}, day=1)
    git(folder, "tag", "v9.0.0", day=2)
    commit(folder, {"tiny/a.py": "x = 2\n"}, day=3)
    found = Metadata(Clone(folder))
    yield found, first, second
    found.close()


def test_name_version_and_entry_points_are_those_of_the_commit(metadata):
    found, first, _ = metadata
    files = found.files(first, DATED)
    [about] = [text for path, text in files.items() if path.endswith(".dist-info/METADATA")]
    assert "Name: tiny\n" in about
    assert "Version: 1.2.0\n" in about
    [points] = [text for path, text in files.items() if path.endswith("entry_points.txt")]
    assert "tiny = tiny:main" in points.replace("=tiny", "= tiny")
    assert "bin/tiny" in files


def test_only_tags_that_a_commit_reaches_count(metadata):
    found, first, second = metadata
    assert found.project(first, "tiny").version == "1.2.0"
    assert found.project(second, "tiny").version == "9.0.0", "a tag on the commit itself counts"


def test_tasks_that_were_proved_without_a_date_are_told_nothing(metadata):
    found, first, _ = metadata
    assert found.files(first, replace(DATED, cutoff="")) == {}
