"""What a commit declares is remembered as long as nothing that was read has changed."""

import pytest

from harness.codebases.declarations import Remembered, declaration_of
from harness.codebases.declarations import remember as module
from harness.history.git import Clone
from harness.history.objects import CommitFiles, Objects
from tests.harness.projects import commit


@pytest.fixture
def reads(monkeypatch):
    """Commits whose declarations were read, not remembered."""
    seen = []

    def counted(files, *arguments):
        seen.append(files)
        return declaration_of(files, *arguments)

    monkeypatch.setattr(module, "declaration_of", counted)
    return seen


def test_it_reads_again_only_what_changed(tmp_path, reads):
    setup = "from setuptools import setup\nsetup(name='x', install_requires=open('reqs.txt'))\n"
    commits = [
        commit(tmp_path, {"setup.py": setup, "requirements.txt": "a\n", "x/a.py": ""}, day=0),
        commit(tmp_path, {"x/a.py": "1\n"}, day=1),
        commit(tmp_path, {"requirements.txt": "a\nb\n"}, day=2),
        commit(tmp_path, {"requirements.txt": "a\n"}, day=3),
        commit(tmp_path, {"requirements-dev.txt": "c\n"}, day=4),
        commit(tmp_path, {"requirements.txt": None}, day=5),
    ]
    declare = Remembered()
    with Objects(Clone(tmp_path)) as objects:
        found = [declare(CommitFiles(objects, c), "3.11") for c in commits]
        assert len(reads) == 4
        assert found == [declaration_of(CommitFiles(objects, c), "3.11") for c in commits]
        declare(CommitFiles(objects, commits[-1]), "3.11", ["c"])
        assert len(reads) == 5, "another question"
