"""A setup.py is read in a bounded time, and names hold what they hold by then."""

import ast
import time

import pytest

from harness.codebases.declarations.evaluate import UNKNOWN, ModuleReader


class NoFiles:
    """No files at all."""

    def text(self, path):
        return None

    def names(self, folder=""):
        return []


def value(text, name):
    return ModuleReader(ast.parse(text), NoFiles()).value(ast.Name(id=name))


def test_a_table_may_be_made_of_its_own_entries():
    text = "E = {}\nE['t'] = ['a']\nE['d'] = E['t'] + ['b']\nE['all'] = E['t'] + E['d']\n"
    assert value(text, "E") == {"t": ["a"], "d": ["a", "b"], "all": ["a", "a", "b"]}


def test_a_circle_is_cut():
    assert value("A = B\nB = A\n", "A") is UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"A{n} = A{n + 1} + A{n + 1}\n" for n in range(40)) + "A40 = ['x']\n",
        "E = {}\n" + "".join(f"E['{n}'] = E['{n - 1}'] + E['{n - 1}']\n" for n in range(1, 40)),
        "A0 = '%999999999d' % 1\n",
        "A0 = '%*d' % (999999999, 1)\n",
    ],
)
def test_no_module_takes_long(text):
    start = time.process_time()
    for name in ("A0", "E"):
        value(text, name)
    assert time.process_time() - start < 2
