"""Tests taken out of a module, and one test cut out of it."""

import pytest

from harness.injection.statement import statement
from harness.injection.testfile import cut_out, without

MODULE = """from decimal import Decimal
import os

import pytest

from pkg import mod

RATE = Decimal("2")
OTHER = 3


@pytest.fixture
def book():
    return helper(RATE)


def helper(x):
    return x


@pytest.mark.parametrize("n", [1, 2])
def test_one(book, n):
    found = mod.value(book, n)
    assert found == 5


def test_two():
    assert OTHER == 3


class TestMore:
    size = 1

    def test_three(self):
        assert mod.size() is self.size

    def test_four(self):
        with pytest.raises(ValueError):
            mod.fail()


class TestLess:
    def test_five(self):
        assert mod.ok()
"""


def test_tests_are_taken_out_with_their_decorators():
    left = without(MODULE, ["test_one", "TestMore::test_four", "TestLess::test_five", "test_no"])
    compile(left, "x", "exec")
    assert "parametrize" not in left
    assert "test_four" not in left
    assert "class TestLess:\n    pass\n" in left
    assert "def test_two():" in left
    assert "def test_three(self):" in left


def test_nothing_taken_out_changes_nothing():
    assert without(MODULE, []) == MODULE


def test_a_test_is_cut_out_with_what_it_needs_and_no_more():
    text = cut_out(MODULE, "test_one")
    compile(text, "x", "exec")
    for part in ("RATE =", "def book", "def helper", "parametrize", "from pkg import mod"):
        assert part in text
    for part in ("OTHER", "import os", "test_two", "TestMore"):
        assert part not in text


def test_a_method_is_cut_out_with_its_class():
    text = cut_out(MODULE, "TestMore::test_three")
    compile(text, "x", "exec")
    assert "size = 1" in text
    assert "test_four" not in text


def test_a_test_that_is_not_there():
    with pytest.raises(LookupError, match="no test test_six"):
        cut_out(MODULE, "test_six")


def test_the_issue_says_what_was_called_and_what_came_back():
    said = statement(MODULE, "tests/test_m.py::test_one[2]", "AssertionError: assert 4 == 5", 24)
    assert said.startswith("`found` gives a wrong result\n")
    assert "and expected `5`" in said
    assert "AssertionError: assert 4 == 5" in said
    assert "```python\n" in said
    assert "`tests/test_reproduction.py`" in said


def test_an_exception_is_named_in_the_title():
    said = statement(MODULE, "tests/test_m.py::test_one[2]", "KeyError: 'x'", 23)
    assert said.startswith("`mod.value(book, n)` ends in KeyError\n")
