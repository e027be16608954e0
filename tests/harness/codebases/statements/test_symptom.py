"""Symptoms from logs that a real pytest prints, of a call, a comparison, an error, a subtest."""

import subprocess
import sys
import textwrap

import pytest

from harness.codebases.statements.symptom import OPTIONS, symptom
from harness.grading.suite import OPTIONS as USUAL

CODE = "def go(word, times=1):\n    return word * times\n"
HELPER = """
import unittest

from tiny import go

class Base(unittest.TestCase):
    def check(self, word, times, wanted):
        with self.subTest(f"{word} {times}"):
            self.assertEqual(go(word, times), wanted)
"""


@pytest.fixture
def told(tmp_path):
    """`told(code)`: the symptom of the test `test_it` in a module with this code."""

    def make(code, test="test_it", patch="", again=False):
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "tests/helper.py").write_text(HELPER)
        (tmp_path / "tiny.py").write_text(CODE)
        (tmp_path / "tests/test_a.py").write_text(textwrap.dedent(code))
        node = f"tests/test_a.py::{test}"
        options = USUAL.replace('"$PWD"', ".").split()
        command = [sys.executable, "-m", "pytest", "-p", "no:xdist", *options, *OPTIONS, node]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode, done.stdout
        return symptom(
            done.stdout,
            node,
            patch,
            lambda path: path.startswith("tests/"),
            lambda path: (tmp_path / path).read_text(),
        )

    return make


def test_a_comparison_tells_call_and_expected_result(told):
    text = told("from tiny import go\ndef test_it():\n    assert go('a', 2) == 'aaa'\n")
    assert text.startswith("`go('a', 2)` gives a wrong result\n")
    assert "and expected `'aaa'`. What came back:" in text
    assert "assert 'aa' == 'aaa'" in text
    assert "test_it" not in text


def test_values_stand_in_place_of_variables(told):
    code = """
    import pytest
    from tiny import go
    @pytest.mark.parametrize("given, wanted", [(("a", 2), "aaa")])
    def test_it(given, wanted):
        assert go(*given) == wanted
    """
    text = told(code, "test_it[given0-aaa]")
    assert "go('a', 2)\n" in text
    assert "and expected `'aaa'`." in text


def test_an_error_is_told(told):
    text = told("from tiny import go\ndef test_it():\n    go('a', by=2)\n")
    assert text.startswith("`go('a', by=2)` ends in TypeError\n")
    assert "unexpected keyword argument 'by'" in text


def test_a_missing_name_is_told_by_its_import(told):
    text = told("from tiny import stop\ndef test_it():\n    stop()\n")
    assert "from tiny import stop" in text
    assert "ImportError: cannot import name 'stop'" in text


def test_an_error_that_does_not_come_is_told(told):
    code = """
    import pytest
    from tiny import go
    def test_it():
        with pytest.raises(ValueError, match="negative"):
            go("a", -1)
    """
    text = told(code)
    assert "go('a', -1)\n" in text
    assert "and expected `pytest.raises(ValueError, match='negative')`" in text


def test_a_helper_tells_what_it_was_given(told):
    code = """
    from helper import Base
    class TestIt(Base):
        def test_it(self):
            self.check("a", 2, "aaa")
    """
    text = told(code, "TestIt::test_it")
    assert "'aaa'" in text
    assert "TestIt" not in text


@pytest.mark.parametrize("code", ["def test_it(:\n", "x = [\n"])
def test_a_module_that_nobody_reads_tells_nothing(told, code):
    assert told(code) == ""


def test_machine_and_moment_do_not_show(told):
    code = """
    import datetime
    from tiny import go
    def test_it(tmp_path):
        now = datetime.datetime.now(datetime.timezone.utc)
        seconds = now.timestamp()
        times = f"{now} {int(seconds)} {seconds} {int(seconds * 1000)} 1326206540"
        assert go(f"{object()} {tmp_path} {times} took 0.123 s") == "x"
    """
    assert told(code) == told(code) != ""
    assert "pytest-of" not in told(code)
    assert "… … … 1326206540 took" in told(code), "another moment is a value like any other"


def test_an_address_that_is_cut_in_a_comparison_does_not_show(told):
    code = """
    import unittest
    from tiny import go
    class TestIt(unittest.TestCase):
        def test_it(self):
            class WithALongName:
                pass
            self.assertEqual(repr(WithALongName()), go("x", 200))
    """
    assert " chars]…>" in told(code, "TestIt::test_it")


def test_a_line_of_the_fix_is_not_shown(told):
    patch = (
        "diff --git a/tiny.py b/tiny.py\n--- a/tiny.py\n+++ b/tiny.py\n@@ -1 +1 @@\n"
        "-x\n+    go('a', 2, 'a long enough line')\n"
    )
    code = "from tiny import go\ndef test_it():\n    go('a', 2, 'a long enough line')\n"
    assert told(code)
    assert told(code, patch=patch) == ""
