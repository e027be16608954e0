"""pyproject.toml in the words of every tool that keeps requirements there."""

from textwrap import dedent

import pytest

from harness.codebases.declarations.poetry import poetry_requirements, specifier
from harness.codebases.declarations.pyproject import read_pyproject
from tests.harness.codebases.trees import Tree


def read(text, files=()):
    return read_pyproject(dedent(text), Tree(dict(files)), "3.11")


def test_pep_621():
    declared = read("""
        [project]
        name = "x"
        requires-python = ">=3.8"
        dependencies = ["a>=1", "b; python_version < '3.9'"]
        [project.optional-dependencies]
        test = ["t"]
        Dev = ["u"]
        docs = ["d"]
    """)
    assert (declared.name, declared.python) == ("x", ">=3.8")
    assert declared.runtime == ("a>=1", "b; python_version < '3.9'")
    assert (declared.tests, dict(declared.extras)) == (("t", "u"), {"docs": ("d",)})


def test_dependency_groups_include_others_and_circles_are_cut():
    declared = read("""
        [dependency-groups]
        test = ["t", {include-group = "Type_Checks"}, {include-group = "nothing"}]
        type-checks = ["m", {include-group = "test"}]
        docs = [{include-group = "docs"}, "d", {include-group = 3}, 4]
    """)
    assert declared.tests == ("t", "m")
    assert declared.extras == {"type-checks": ("m", "t"), "docs": ("d",)}


def test_groups_that_include_one_another_twice_take_no_exponential_time():
    groups = "\n".join(f'g{n} = [{{include-group = "g{n + 1}"}}, {{include-group = "g{n + 1}"}}]'
                       for n in range(60))  # fmt: skip
    declared = read_pyproject(f"[dependency-groups]\n{groups}\ng60 = ['a']", Tree({}))
    assert declared.extras["g0"] == ("a",)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^1.2", ">=1.2,<2"),
        ("^1", ">=1,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("^1.2.3b1", ">=1.2.3b1,<2"),
        ("^ 1.2", ">=1.2,<2"),
        ("^1.2.*", ">=1.2,<2"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("1.2", "==1.2"),
        ("=1.2", "==1.2"),
        ("==1.2", "==1.2"),
        ("1.*", "==1.*"),
        ("*", ""),
        ("", ""),
        (">=1.2,<2", ">=1.2,<2"),
        (">=1.2 <2", ">=1.2,<2"),
        (">= 1.2, != 1.5", ">=1.2,!=1.5"),
        ("^2.7 || ^3.5", ">=3.5,<4"),
        ("^2.7|^3.5", ">=3.5,<4"),
        ("nonsense", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_poetry_s_constraints(version, expected):
    assert specifier(version) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("^1", ["a>=1,<2"]),
        ({"version": "^1", "extras": ["x", "y"]}, ["a[x,y]>=1,<2"]),
        ({"git": "https://x.invalid/a.git", "tag": "1"}, ["a"]),
        ({"path": "../a", "develop": True}, ["a"]),
        ({"version": "*", "python": "<3.8"}, ["a; python_version < '3.8'"]),
        ({"version": "*", "python": "^3.6.2"},
         ["a; python_version >= '3.6' and python_version < '4'"]),
        ({"version": "*", "python": "~2.7 || ~3.4"},
         ["a; python_version >= '2.7' and python_version < '2.8'"
          " or python_version >= '3.4' and python_version < '3.5'"]),
        ({"version": "*", "platform": "win32"}, ["a; sys_platform == 'win32'"]),
        ({"version": "1.0", "markers": "os_name == 'nt'", "python": ">=3.8"},
         ["a==1.0; (python_version >= '3.8') and (os_name == 'nt')"]),
        ([{"version": "^1", "python": "<3.8"}, {"version": "^2", "python": ">=3.8"}],
         ["a>=1,<2; python_version < '3.8'", "a>=2,<3; python_version >= '3.8'"]),
    ],
)  # fmt: skip
def test_poetry_s_tables(value, expected):
    assert [text for text, _ in poetry_requirements({"python": "^3", "a": value})] == expected


def test_poetry_s_groups_and_extras():
    declared = read("""
        [tool.poetry]
        name = "x"
        [tool.poetry.dependencies]
        python = "^3.8"
        a = "^1"
        Opt_ional = {version = "^2", optional = true}
        [tool.poetry.extras]
        more = ["opt-ional", "nothing"]
        [tool.poetry.dev-dependencies]
        t = "*"
        [tool.poetry.group.test.dependencies]
        u = "*"
        [tool.poetry.group.docs.dependencies]
        d = "*"
    """)
    assert (declared.name, declared.python) == ("x", ">=3.8,<4")
    assert (declared.runtime, declared.tests) == (("a>=1,<2",), ("t", "u"))
    assert declared.extras == {"more": ("Opt_ional>=2,<3",), "docs": ("d",)}


def test_flit():
    declared = read("""
        [tool.flit.metadata]
        module = "x"
        requires = ["a"]
        dev-requires = ["u"]
        requires-python = ">=3.7"
        [tool.flit.metadata.requires-extra]
        test = ["t"]
        doc = ["d"]
    """)
    assert (declared.name, declared.python, declared.runtime) == ("x", ">=3.7", ("a",))
    assert (set(declared.tests), dict(declared.extras)) == ({"t", "u"}, {"doc": ("d",)})


@pytest.mark.parametrize(
    "text",
    [
        "[tool.uv]\ndev-dependencies = ['t']",
        "[tool.pdm.dev-dependencies]\nanything = ['t']",
        "[tool.hatch.envs.default]\ndependencies = ['t']",
        "[tool.hatch.envs.hatch-test]\nextra-dependencies = ['t']",
        "[tool.hatch.envs.test]\ndependencies = ['t']",
        "[tool.tox.env_run_base]\ndeps = ['t']",
        "[tool.tox.env.'3.11']\ndeps = ['t']",
        "[tool.tox]\nlegacy_tox_ini = '''\n[testenv]\ndeps =\n    t\n'''",
        "[tool.setuptools.dynamic.optional-dependencies]\ntest = {file = ['t.txt']}",
    ],
)
def test_requirements_of_tests_in_other_tools(text):
    assert read(text, {"t.txt": "t\n"}).tests == ("t",)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.setuptools.dynamic]\ndependencies = {file = 'r.txt'}",
        "[tool.setuptools.dynamic]\ndependencies = {file = ['r.txt', 'no.txt']}",
        "[tool.hatch.metadata.hooks.requirements_txt]\nfiles = ['r.txt']",
    ],
)
def test_requirements_that_a_file_gives(text):
    assert read(text, {"r.txt": "a\n"}).runtime == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "project = 3\ntool = 'x'\ndependency-groups = []",
        "[project]\nname = 3\ndependencies = 'a'\noptional-dependencies = ['a']",
        "[tool]\npoetry = 1\nflit = 2\nhatch = 3\npdm = 4\nuv = 5\ntox = 6\nsetuptools = 7",
        "[tool.poetry]\ndependencies = {a = [], b = [1], c = 4}\ngroup = {x = 1}\nextras = {y = 2}",
        "[tool.hatch]\nenvs = {a = 1, default = {dependencies = 'a'}}",
    ],
)
def test_a_document_of_another_shape_declares_next_to_nothing(text):
    declared = read(text)
    assert declared.name == ""
    assert not declared.tests


def test_a_broken_document_says_so():
    assert read("[project").unread[0].startswith("pyproject.toml is not TOML")
    assert read_pyproject("a = " + "[" * 100_000, Tree({})).unread
    assert read_pyproject("a = " + "9" * 10_000, Tree({})).unread
