"""Names that left the standard library lead to the Python that still has them."""

import sys
import warnings
from importlib import import_module

import pytest

from harness.codebases.environment import PYTHONS
from harness.codebases.older_python import LAST_WITH, gone_names_in, older_python_for

HERE = sys.version_info[:2]


def number(python):
    return tuple(map(int, python.split(".")))


def is_here(name):
    """Whether this interpreter has a module, or a name of a module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module, attribute in ((name, ""), name.rpartition(".")[::2]):
            try:
                found = import_module(module)
            except (ImportError, ValueError):
                continue
            return not attribute or hasattr(found, attribute)
    return False


@pytest.mark.parametrize("name", sorted(LAST_WITH))
def test_the_table_is_right_about_this_interpreter(name):
    if name == "lib2to3" and number(LAST_WITH[name]) >= HERE:
        pytest.importorskip("lib2to3")  # a package of its own on Debian
    if name != "distutils":  # setuptools brings it back
        assert is_here(name) == (number(LAST_WITH[name]) >= HERE)


@pytest.mark.parametrize(
    ("log", "names"),
    [
        ("E   ImportError: cannot import name 'escape' from 'cgi' (/x/cgi.py)", ("cgi.escape",)),
        ("E   AttributeError: module 'fractions' has no attribute 'gcd'", ("fractions.gcd",)),
        ("E   AttributeError: module 'unittest' has no attribute 'makeSuite'",
         ("unittest.makeSuite",)),
        ("No module named 'imp'\nNo module named 'imp'\nNo module named imp", ("imp",)),
        ("E   AttributeError: module 'sys' has no attribute 'maxint'", ()),
        ("E   ImportError: cannot import name 'escape' from 'tiny.cgi'", ()),
        ("E   ModuleNotFoundError: No module named 'impossible'", ()),
    ],
)  # fmt: skip
def test_a_log_names_what_is_gone(log, names):
    assert gone_names_in(log) == names


@pytest.mark.parametrize(
    ("missing", "python", "older"),
    [
        (["name cgi.escape"], "3.8", "3.7"),
        (["name cgi.escape"], "3.13", "3.7"),
        (["name collections.Mapping"], "3.11", "3.9"),
        (["name inspect.getargspec"], "3.11", "3.9"),
        (["name imp"], "3.13", "3.11"),
        (["name imp", "name fractions.gcd"], "3.13", "3.8"),
        (["module toolz", "fixture mocker"], "3.11", ""),
        (["name fractions.gcd"], "3.8", ""),
        ([], "3.13", ""),
    ],
)
def test_the_newest_python_that_has_all_of_it_is_taken(missing, python, older):
    found, why = older_python_for(missing, python)
    assert found == older
    assert older in PYTHONS or not why
    assert why == "" or why.startswith(f"Python {older} is taken: {python} has no ")
