"""What a log says of its environment, and which distribution brings what it lacks."""

import pytest
from packaging.requirements import Requirement

from harness.codebases.missing import DISTRIBUTIONS, FIXTURES, distributions_for
from harness.codebases.reasons import Reason, missing_in, nothing_told, reason_of
from harness.grading.junit import TestRun

MODULES = ("tests/test_a.py", "tests/test_b.py")
NOTHING = TestRun(outcomes={})
NOT_IMPORTED = """
==================================== ERRORS ====================================
_______________________ ERROR collecting tests/test_a.py _______________________
ImportError while importing test module '/testbed/tests/test_a.py'.
Hint: make sure your test modules/packages have valid Python names.
Traceback:
/usr/lib/python3.11/importlib/__init__.py:126: in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
tests/test_a.py:3: in <module>
    import trustme
E   ModuleNotFoundError: No module named 'trustme'
=========================== short test summary info ============================
ERROR tests/test_a.py
!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!
1 error in 0.11s
"""
BROKEN_OTHERWISE = """
_______________________ ERROR collecting tests/test_a.py _______________________
tests/test_a.py:1: in <module>
    from collections import Mapping
E   ImportError: cannot import name 'Mapping' from 'collections'
_______________________ ERROR collecting tests/test_b.py _______________________
E   AttributeError: module 'asyncio' has no attribute 'coroutine'
=========================== short test summary info ============================
ERROR tests/test_a.py - ImportError: cannot import name 'Mapping'
ERROR tests/test_b.py - AttributeError: module 'asyncio' has no attribute
2 errors in 0.2s
"""
FILTER = """Traceback (most recent call last):
  File "/opt/env/lib/_pytest/config/__init__.py", line 1690, in parse_warning_filter
    category: Type[Warning] = _resolve_warning_category(category_)
ModuleNotFoundError: No module named 'trio'
ERROR: while parsing the following warning configuration:

  ignore::trio.TrioDeprecationWarning
"""
FIXTURE = """
==================================== ERRORS ====================================
__________________________ ERROR at setup of test_get __________________________
file /testbed/tests/test_a.py, line 4
  def test_get(mocker):
E       fixture 'mocker' not found
>       available fixtures: cache, capfd, capsys, tmp_path
=========================== short test summary info ============================
ERROR tests/test_a.py::test_get
1 error in 0.02s
"""


def test_a_run_in_which_something_passes_proves_something():
    run = TestRun(outcomes={"a": "passed", "b": "failed"})
    log = "E   ModuleNotFoundError: No module named 'duckdb'\n1 failed, 1 passed in 1s"
    assert reason_of(run, log, MODULES) == Reason(missing=("module duckdb",))
    assert reason_of(TestRun(outcomes={"a": "xfailed"}), "", MODULES).problem == ""


def test_modules_that_do_not_import_are_counted_and_the_cause_is_named():
    found = reason_of(NOTHING, NOT_IMPORTED, MODULES)
    assert found.problem == "1 of 2 test modules do not import: ModuleNotFoundError: trustme"
    assert found.missing == ("module trustme",)


def test_so_is_another_error_of_an_import():
    found = reason_of(NOTHING, BROKEN_OTHERWISE, MODULES)
    assert found.problem.startswith("2 of 2 test modules do not import: ImportError: cannot import")
    assert found.missing == ("name collections.Mapping", "name asyncio.coroutine")


def test_a_fixture_is_not_named_as_a_module():
    found = reason_of(NOTHING, BROKEN_OTHERWISE + FIXTURE, MODULES)
    assert "ModuleNotFoundError" not in found.problem
    named = ("name collections.Mapping", "name asyncio.coroutine")
    assert found.missing == ("fixture mocker", *named)


def test_a_filter_that_names_a_module_ends_pytest():
    run = TestRun(problem="pytest ended with exit code 4")
    found = reason_of(run, FILTER, MODULES)
    assert found == Reason(problem="pytest ended with exit code 4", missing=("module trio",))


def test_a_conftest_that_does_not_import_is_named():
    log = (
        "ImportError while loading conftest '/testbed/tests/conftest.py'.\n"
        "tests/conftest.py:17: in <module>\n    from tiny import a\n"
        "E   SyntaxError: invalid syntax\n"
    )
    run = TestRun(problem="pytest ended with exit code 4")
    found = reason_of(run, log, MODULES)
    assert found.problem == "tests/conftest.py does not import: SyntaxError: invalid syntax"


def test_a_missing_fixture_is_named():
    found = reason_of(TestRun(outcomes={"a": "failed"}), FIXTURE, MODULES)
    assert found.problem == "no test passes, and fixture mocker is missing"
    assert found.missing == ("fixture mocker",)


def test_no_test_passes_and_nobody_says_why():
    found = reason_of(TestRun(outcomes={"a": "failed"}), "E  assert 1 == 2\n1 failed", MODULES)
    assert found == Reason(problem="no test passes")


@pytest.mark.parametrize(
    ("passed", "failed", "said"),
    [
        (3, 0, "no test fails without gold and passes with it"),
        (2, 1, "no test fails without gold and passes with it; 1 of 3 tests fail with gold, too: "),
        (1, 2, "the environment does not fit; 2 of 3 tests fail with gold, too: "),
    ],
)
def test_where_most_fail_with_gold_too_the_environment_is_blamed(passed, failed, said):
    outcomes = {f"p{n}": "passed" for n in range(passed)} | {
        f"f{n}": "failed" for n in range(failed)
    }
    log = "E   KeyError: 1\nE   TypeError: no\nE   TypeError: no\n"
    found = nothing_told(TestRun(outcomes=outcomes), log)
    assert found == said + ("TypeError: no" if failed else "")


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("E   ModuleNotFoundError: No module named 'a.b'", "module a.b"),
        ("ImportError: No module named a", "module a"),
        ("""ImportError: Error importing plugin "pytest_x": No module named 'x'""", "module x"),
        ("E       fixture 'respx_mock' not found", "fixture respx_mock"),
    ],
)
def test_what_is_missing(line, missing):
    assert missing_in(f"{line}\n{line}\n") == (missing,)


@pytest.mark.parametrize(
    ("entry", "distribution"),
    [
        ("module yaml", "pyyaml"),
        ("module PIL.Image", "pillow"),
        ("module google.protobuf.message", "protobuf"),
        ("module zope.interface", "zope.interface"),
        ("module typing_extensions", "typing-extensions"),
        ("module Foo", "foo"),
        ("fixture mocker", "pytest-mock"),
    ],
)
def test_which_distribution_brings_it(entry, distribution):
    assert distributions_for([entry], ["tiny"]) == {distribution: entry}


@pytest.mark.parametrize(
    "entry",
    [
        "module tiny",
        "module tiny.later",
        "module tests.helpers",
        "module conftest",
        "module tomllib",
        "module _sqlite3",
        "module _speedups",
        "module trailing_",
        "module größe",
        "fixture own_fixture",
        "fixture tmp_path",
    ],
)
def test_what_no_distribution_brings(entry):
    assert distributions_for([entry], ["tiny"]) == {}


def test_each_distribution_once_with_the_first_reason():
    missing = ["module yaml", "module yaml.cyaml", "fixture mocker", "module pytest_mock"]
    found = distributions_for(missing, [])
    assert found == {"pyyaml": "module yaml", "pytest-mock": "fixture mocker"}


@pytest.mark.parametrize("name", sorted({*DISTRIBUTIONS.values(), *FIXTURES.values()}))
def test_the_tables_hold_names_of_distributions(name):
    assert str(Requirement(name)) == name
