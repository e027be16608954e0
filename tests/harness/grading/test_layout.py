"""Patterns of a layout: plain entries are prefixes, stars stand for names and folders."""

import time

import pytest

from harness.grading.layout import is_source, is_test, is_test_module, under
from seqswe.manifests.manifest import Layout


@pytest.mark.parametrize(
    ("path", "entry", "expected"),
    [
        ("src/a.py", "src", True),
        ("src", "src", True),
        ("src2/a.py", "src", False),
        ("a/src/b.py", "src", False),
        ("src/a.py", "src/", True),
        ("tests/a.py", "**/tests/", True),
        ("x/y/tests/data/a.txt", "**/tests/", True),
        ("x/mytests/a.py", "**/tests/", False),
        ("x/tests", "**/tests/", False),
        ("conftest.py", "**/conftest.py", True),
        ("x/y/conftest.py", "**/conftest.py", True),
        ("x/my_conftest.py", "**/conftest.py", False),
        ("x/a.py", "*.py", False),
        ("a.py", "*.py", True),
        ("x/y/a.py", "**/*.py", True),
        ("x/y/a.pyi", "**/*.py", False),
        ("x/y/a.py", "x/**", True),
        ("x/one/a.py", "x/*/a.py", True),
        ("x/one/two/a.py", "x/*/a.py", False),
        ("x/one/data/a.txt", "x/*/data", True),
        ("a1.py", "a[0-9].py", True),
        ("ab.py", "a[!0-9].py", True),
        ("a1.py", "a[!0-9].py", False),
        ("a.b/c", "a.b", True),
        ("axb/c", "a.b/*", False),
        ("x/line\nbreak/tests/a", "**/tests/", True),
    ],
)
def test_an_entry_matches(path, entry, expected):
    assert under(path, [entry]) is expected


def test_many_stars_cost_no_time():
    start = time.process_time()
    assert not under("a/" * 60 + "b", ["**/" * 30 + "c"])
    assert not under("a" * 200, ["*" * 50 + "b"])
    assert time.process_time() - start < 0.5


def test_what_is_excluded_is_no_source():
    layout = Layout(
        source=("**/*.py",), tests=("**/tests/", "**/conftest.py"), exclude=("docs", "setup.py")
    )
    source = is_source(layout)
    assert source("pkg/a.py")
    assert source("pkg/docs/a.py")
    for path in ("docs/conf.py", "setup.py", "pkg/tests/util.py", "conftest.py", "pkg/a.txt"):
        assert not source(path)


def test_several_patterns_of_test_modules():
    layout = Layout(source=("pkg",), tests=("tests",), test_modules="test_*.py *_test.py")
    module = is_test_module(layout)
    assert module("tests/test_a.py")
    assert module("tests/a_test.py")
    assert not module("tests/helper.py")
    assert is_test(layout)("pkg/a_test.py")
    assert not is_test(layout)("pkg/a.py")


def test_a_pattern_that_fits_every_file_counts_only_below_the_tests():
    layout = Layout(source=("pkg",), tests=("tests",), test_modules="test_*.py *.py")
    assert is_source(layout)("pkg/a.py")
    assert not is_test(layout)("pkg/a.py")
    assert is_test_module(layout)("tests/api.py")
    assert is_test_module(layout)("pkg/test_a.py")
