"""What tox and nox install for the tests."""

from textwrap import dedent

import pytest

from harness.codebases.declarations.runners import read_nox, read_tox
from tests.harness.codebases.trees import Tree

FILES = Tree({"r.txt": "r\n", "requirements/test.txt": "-r ../r.txt\nt\n"})


def tox(deps, section="testenv"):
    lines = "".join(f"    {line}\n" for line in deps)
    return list(read_tox(f"[{section}]\ndeps =\n{lines}", FILES, "3.9").tests)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a>=1", ["a>=1"]),
        ("a  # why", ["a"]),
        ("# a", []),
        ("-r r.txt", ["r"]),
        ("-r{toxinidir}/requirements/test.txt", ["t", "r"]),
        ("-c constraints.txt", []),
        ("-e .", []),
        ("-e .[test]", [".[test]"]),
        ("{toxinidir}[test]", [".[test]"]),
        ("{[testenv]deps}", []),
        ("py39: a", ["a"]),
        ("py27: a", []),
        ("py{27,39}: a", ["a"]),
        ("py27,py39: a", ["a"]),
        ("py27, py39: a", ["a"]),
        ("!py27: a", ["a"]),
        ("!py39: a", []),
        ("py3: a", ["a"]),
        ("py2: a", []),
        ("pypy: a", []),
        ("py39-django{22,32}: a", ["a"]),
        ("django22: a", ["a"]),
        ("lint: a", []),
        ("!lint: a", ["a"]),
        ("lowest: a==1", []),
        ("https://x.invalid/a.zip", []),
        ("git+https://x.invalid/a.git#egg=a", ["a"]),
    ],
)
def test_lines_of_tox(line, expected):
    assert tox([line]) == expected


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        ("testenv", True),
        ("testenv:py39", True),
        ("testenv:py39-x", True),
        ("testenv:{py27,py39}", True),
        ("testenv:py27", False),
        ("testenv:docs", False),
        ("testenv:lint", False),
        ("flake8", False),
    ],
)
def test_environments_of_tox(section, wanted):
    assert tox(["a"], section) == (["a"] if wanted else [])


def test_extras_of_tox_are_the_project_s_own():
    declared = read_tox("[testenv]\nextras = test, more\n    x y\n", FILES, "3.9")
    assert declared.tests == (".[test]", ".[more]", ".[x]", ".[y]")


def test_a_broken_tox_ini_says_so():
    assert read_tox("a = 1", FILES, "3.9").unread[0].startswith("tox.ini cannot be parsed")
    assert read_tox("[testenv]\ndeps =\n  " + "{a," * 100_000 + ": b", FILES).tests == ("b",)


def nox(text):
    return read_nox("import nox\n" + dedent(text), FILES, "3.9")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("session.install('a', 'b>=1')", ["a", "b>=1"]),
        ("session.install('-r', 'r.txt')", ["r"]),
        ("session.install('-rr.txt')", []),
        ("session.install('-e', '.[test]', 'a')", [".[test]", "a"]),
        ("session.install('.[test]')", [".[test]"]),
        ("session.install('.')", []),
        ("session.install('-c', 'c.txt', 'a')", ["a"]),
        ("session.install(*NEEDS)", ["n"]),
        ("session.install(*fetch(), 'a')", ["a"]),
        ("session.run('pip', 'install', 'a')", []),
    ],
)
def test_sessions_of_nox(call, expected):
    text = f"NEEDS = ['n']\n@nox.session\ndef tests(session):\n    {call}\n"
    assert list(nox(text).tests) == expected
    assert not nox(text.replace("tests", "lint")).tests


def test_a_broken_noxfile_says_so():
    assert nox("def (").unread[0].startswith("noxfile.py cannot be parsed")
