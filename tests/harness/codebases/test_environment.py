"""Which environment a commit declares, read without running anything of it."""

import pytest

from harness.codebases.environment import declared, environment_at
from harness.history.git import Clone
from tests.harness.projects import SETTINGS, commit

PYPROJECT = """
[project]
name = "tiny"
dependencies = ["click>=8", "tomli; python_version < '3.0'", "tiny"]
[project.optional-dependencies]
dev = ["mypy", "black>=1"]
test = ["hypothesis"]
[dependency-groups]
ci = ["coverage", {include-group = "x"}]
"""
SETUP_CFG = """
[options]
install_requires =
    click>=8
    attrs ; python_version > "3"
[options.extras_require]
dev =
    mypy
"""
SETUP_PY = """
from setuptools import setup
VERSION = "1"
print(1 / 0)
setup(
    name="tiny",
    install_requires=["click>=8", f"core=={VERSION}", "attrs" + "x"],
    tests_require=("mock",),
    extras_require={"dev": ["mypy", f"rust=={VERSION}"], "doc": ["sphinx"], **{}},
)
"""


@pytest.mark.parametrize(
    ("name", "text", "extras", "wanted"),
    [
        ("pyproject.toml", PYPROJECT, (), {"click>=8", "tomli; python_version < '3.0'", "tiny"}),
        ("pyproject.toml", PYPROJECT, ("test", "ci"), {"hypothesis", "coverage"}),
        ("setup.cfg", SETUP_CFG, ("dev",), {"click>=8", "mypy"}),
        ("setup.py", SETUP_PY, ("dev",), {"click>=8", "mock", "mypy"}),
        ("requirements.txt", "click>=8  # why\n\n# none\n", (), {"click>=8"}),
        ("Pipfile", "anything", (), set()),
    ],
)
def test_declarations_are_read(name, text, extras, wanted):
    found = {r for r in declared(name, text, extras) if r}
    assert wanted <= found
    assert not {"sphinx", "black>=1"} & found
    assert not any("core" in r or "rust" in r or r == "attrs" for r in found if name == "setup.py")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup.py", "print 'Python 2'"),
        ("setup.py", "setup(install_requires=open('x').read())"),
        ("setup.py", "setup(**kwargs)"),
        ("setup.cfg", "no section"),
        ("pyproject.toml", "= broken"),
        ("pyproject.toml", ""),
    ],
)
def test_what_cannot_be_read_declares_nothing(name, text):
    assert list(declared(name, text, ("dev",))) == []


def test_equal_declarations_have_equal_keys_however_they_are_written(tmp_path):
    written = [
        {"pyproject.toml": '[project]\ndependencies = ["click>=8", "Attrs"]\n'},
        {"pyproject.toml": '[project]\ndependencies = ["Attrs",\n\n"click >= 8"]  # same\n'},
        {"pyproject.toml": None, "setup.py": "setup(install_requires=['click>=8', 'Attrs'])"},
        {"setup.py": None, "setup.cfg": "[options]\ninstall_requires =\n  Attrs\n  click>=8\n"},
        {"tiny/core.py": "1\n"},
    ]
    shas = [commit(tmp_path, files) for files in written]
    found = [environment_at(Clone(tmp_path), sha, SETTINGS) for sha in shas]
    assert len({environment.key for environment in found}) == 1
    assert found[0].requirements == ("Attrs", "click>=8", "pytest>=8")


def test_another_declaration_has_another_key(tmp_path):
    first = commit(tmp_path, {"pyproject.toml": '[project]\ndependencies = ["click>=8"]\n'})
    second = commit(tmp_path, {"pyproject.toml": '[project]\ndependencies = ["click>=9"]\n'})
    keys = {environment_at(Clone(tmp_path), sha, SETTINGS).key for sha in (first, second)}
    assert len(keys) == 2


def test_the_project_itself_and_what_is_excluded_are_never_installed(tmp_path):
    text = '[project]\ndependencies = ["Tiny", "my_PY>=1", "click", "not a requirement !"]\n'
    sha = commit(tmp_path, {"pyproject.toml": text})
    settings = SETTINGS.__class__(version="3.11", distribution="tiny", exclude=("my-py",))
    assert environment_at(Clone(tmp_path), sha, settings).requirements == ("click", "pytest")
