"""All files of a commit together."""

from textwrap import dedent

import pytest

from harness.codebases.declarations import declaration_of
from tests.harness.codebases.trees import Tree


def read(files, python="3.11", **options):
    return declaration_of(Tree({p: dedent(t) for p, t in files.items()}), python, **options)


def test_every_file_counts_and_the_first_bound_of_a_version():
    declared = read({
        "pyproject.toml": "[project]\nname = 'x'\ndependencies = ['a', 'b>=2']\n",
        "setup.cfg": "[options.extras_require]\ntest =\n    t\n",
        "requirements.txt": "a==1\nb==3\nx\n",
        "tox.ini": "[testenv]\ndeps = u\n",
        "noxfile.py": "def tests(session):\n    session.install('n', 'ruff')\n",
    })  # fmt: skip
    assert declared.requirements == ("a==1", "b>=2", "n", "t", "u")
    assert declared.name == "x"
    assert declared.sources == (
        "pyproject.toml", "setup.cfg", "requirements.txt", "tox.ini", "noxfile.py",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tox.toml", "[env_run_base]\ndeps = ['a>=1']\n"),
        ("setup.cfg", "[metadata]\nname = x\n[testenv]\ndeps = a>=1\n"),
        ("Pipfile", "[packages]\na = '>=1'\nx = {path = '.'}\n[dev-packages]\nruff = '*'\n"),
    ],
)
def test_rarer_files(path, text):
    declared = read({path: text, "pyproject.toml": "[project]\nname = 'x'\n"})
    assert declared.requirements == ("a>=1",)
    assert declared.sources == (path,)


@pytest.mark.parametrize(
    ("given", "name"),
    [("My App", "My-App"), ("--index-url=x", "index-url-x"), ("../b\n", "b"), ("\ufffd", "")],
)
def test_a_name_is_what_setuptools_makes_of_it(given, name):
    assert read({"setup.py": f"setup(name={given!r})"}).name == name


@pytest.mark.parametrize("path", ["tox.toml", "setup.cfg", "Pipfile", "setup.py", "noxfile.py"])
def test_a_broken_file_is_said_once(path):
    assert len(read({path: "a = ("}).unread) == 1 or path == "setup.cfg"
    assert len(read({path: "("}).unread) == 1


def test_markers_are_decided_for_one_python():
    files = {"requirements.txt": "a; python_version < '3.10'\nb; sys_platform == 'win32'\n"}
    assert read(files, "3.9").requirements == ("a",)
    assert read(files, "3.11").requirements == ()


def test_conditions_of_setup_py_are_decided_for_the_same_python():
    files = {"setup.py": """
        import sys
        from setuptools import setup
        setup(install_requires=['a'] if sys.version_info < (3, 10) else ['b'])
    """}  # fmt: skip
    assert read(files, "3.9").requirements == ("a",)
    assert read(files, "3.11").requirements == ("b",)


def test_the_project_s_own_extras_are_written_out_whoever_asks_for_them():
    files = {
        "pyproject.toml": """
            [project]
            name = "My.Project"
            [project.optional-dependencies]
            all = ["my-project[one, Two_x]"]
            one = ["a", "my_project[three]"]
            two-x = ["b"]
            three = ["c", "my.project[one]"]
            four = ["d"]
            docs = ["e"]
        """,
        "requirements-dev.txt": "-e .[four]\n",
    }
    assert read(files).requirements == ("a", "b", "c", "d")


def test_extras_may_be_asked_for():
    files = {"pyproject.toml": "[project.optional-dependencies]\nserver_x = ['a']\nz = ['b']\n"}
    assert read(files).requirements == ()
    assert read(files, extras=["server-x", "none"]).requirements == ("a",)


def test_of_what_comes_by_url_the_name_is_kept():
    assert read({"requirements.txt": "a @ https://x.invalid/a.zip\n"}).requirements == ("a",)


def test_what_is_no_requirement_is_said():
    declared = read({"requirements.txt": "two words\na>>1\nb\n\x1b[31mred\n"})
    assert declared.requirements == ("b",)
    assert declared.unread == (
        "not a requirement: two words",
        "not a requirement: a>>1",
        "not a requirement: ?[31mred",
    )


@pytest.mark.parametrize(
    "line",
    [
        "a; " + "(" * 1900 + "python_version > '3'" + ")" * 50,
        "a; " + "(" * 900 + "python_version > '3'" + ")" * 900,
        "a; python_version ~= 'x'",
        "a; implementation_version > 'x'",
        "a; unknown == '1'",
        "a[" + "x," * 100_000 + "x]",
        "a" * 900_000,
    ],
)
def test_hostile_requirements_end_nothing(line):
    requirements = read({"requirements.txt": f"{line}\nb\n"}).requirements
    assert "b" in requirements
    assert all(len(text) < 100 for text in requirements)


def test_a_file_that_is_too_large_declares_nothing_and_says_so():
    names = ["pyproject.toml", "setup.cfg", "setup.py", "requirements.txt", "tox.ini"]
    declared = read(dict.fromkeys(names, "a\n" * 600_000))
    assert declared.requirements == ()
    assert declared.unread == tuple(f"{name}, which is too large" for name in names)
