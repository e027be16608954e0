"""Mutations: named by place, the same every time, and Python (nearly) always."""

import pytest

from harness.injection.operators import OPERATORS, functions, mutate, mutations

SOURCE = """
import re


class Span:
    @property
    def days(self):
        return self.end - self.start + 1

    def clip(self, other, text="x"):
        if other is None or not other:
            return None
        for day in range(1, 5):
            if day in self.seen:
                continue
            if day >= other.first:
                break
        return min(other, text.strip()[day:])


def free(a, b):
    def inner():
        return a < b

    try:
        return inner() and True
    except KeyError:
        raise ValueError("no") from None
"""


def test_every_mutation_is_python_and_changes_something():
    found = mutations(SOURCE)
    for mutation in found:
        changed = mutation.apply()
        compile(changed, "x", "exec")
        assert changed != SOURCE
    assert {m.operator for m in found} >= set(OPERATORS) - {"wrong_default"}


def test_a_mutation_is_found_again_by_its_name():
    for mutation in mutations(SOURCE):
        name = (mutation.function, mutation.operator, mutation.site)
        assert mutate(SOURCE, *name) == mutation.apply()


def test_nested_functions_belong_to_the_outer_one():
    assert {m.function for m in mutations(SOURCE)} == {"Span.days", "Span.clip", "free"}


def test_functions_have_their_lines():
    assert list(functions(SOURCE)) == [
        ("Span.days", 6, 8),
        ("Span.clip", 10, 18),
        ("free", 21, 28),
    ]


@pytest.mark.parametrize("source", ["def f(:\n", ""])
def test_nothing_to_mutate(source):
    assert list(mutations(source)) == []


def test_a_site_that_is_not_there():
    with pytest.raises(LookupError, match="no site 9 of integer in free"):
        mutate(SOURCE, "free", "integer", 9)
