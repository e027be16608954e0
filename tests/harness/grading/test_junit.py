"""Outcomes read from a report are those of the run, for every kind of test that pytest knows."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from time import process_time

import pytest

from harness.grading.grade import Grader
from harness.grading.junit import read
from harness.grading.log import normalize_log, without_controls
from harness.grading.suite import used_up
from seqswe.instance import Instance
from seqswe.manifests.manifest import Layout, TestSettings

NOTHING = Instance(
    instance_id="x-1", repo="x/x", base_commit="", created_at=datetime(2024, 1, 1, tzinfo=UTC),
    problem_statement="", patch="", test_patch="", fail_to_pass=(), pass_to_pass=(), environment="",
)  # fmt: skip
EVERY_KIND = '''
import sys, unittest, warnings
import pytest

def test_passes(): pass
def test_fails(): assert 0
@pytest.mark.parametrize("x", ["a b", "[", "]", "a::b", "a/b.py", "a.b", "", "\\u00e9", "<&'\\">"])
def test_p(x): pass
@pytest.mark.parametrize("x", [1, 2], ids=["one [1]", "two] [2"])
def test_half(x): assert x == 1
@pytest.mark.skip
def test_skipped(): pass
def test_skips_itself(): pytest.skip("now")
@pytest.mark.xfail
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
@pytest.mark.xfail(strict=True)
def test_xpasses_strictly(): pass
@pytest.mark.xfail(raises=ValueError)
def test_fails_otherwise(): raise TypeError
@pytest.fixture
def no_setup(): raise RuntimeError
@pytest.fixture
def no_teardown():
    yield
    raise RuntimeError
def test_setup_error(no_setup): pass
def test_teardown_error(no_teardown): pass
def test_fails_and_teardown_error(no_teardown): assert 0
@pytest.mark.xfail
def test_xfails_and_teardown_error(no_teardown): assert 0
def test_warns(): warnings.warn("3 passed")
def test_prints(): print("9 passed in 0.01s"); print("9 passed in 0.01s", file=sys.stderr)
class TestC:
    def test_method(self): pass
    class TestInner:
        def test_deep(self): assert 0
class TestU(unittest.TestCase):
    def test_unit(self): pass
    def test_unit_fails(self): self.fail()
    @unittest.skip("x")
    def test_unit_skipped(self): pass
    @unittest.expectedFailure
    def test_unit_xfails(self): self.fail()
    @unittest.expectedFailure
    def test_unit_xpasses(self): pass
    def test_sub(self):
        for n in range(3):
            with self.subTest(n=n): assert n < 3
    def test_sub_fails(self):
        for n in range(3):
            with self.subTest(n=n): assert n != 1
'''  # fmt: skip
NOT_PASSED = {
    "test_fails": "failed",
    "test_half[two] [2]": "failed",
    "test_xfails": "xfailed",
    "test_xfails_and_teardown_error": "xfailed",
    "TestU::test_unit_xfails": "xfailed",
    "test_skipped": "skipped",
    "test_skips_itself": "skipped",
    "test_xpasses_strictly": "failed",
    "test_fails_otherwise": "failed",
    "test_setup_error": "failed",
    "test_teardown_error": "failed",
    "test_fails_and_teardown_error": "failed",
    "TestC::TestInner::test_deep": "failed",
    "TestU::test_unit_fails": "failed",
    "TestU::test_unit_skipped": "skipped",
    "TestU::test_unit_xpasses": "failed",
    "TestU::test_sub_fails": "failed",
}
FILE = "tests/v1.2-x/test_every kind.py"


@pytest.fixture
def run(local, lay):
    """Runs pytest on modules in a sandbox, the way grading does."""

    def execute(modules, seconds=60.0, arguments=()):
        box = local.open(lay())
        for name, text in modules.items():
            box.write(name, text.encode())
        settings = TestSettings(seconds=seconds, arguments=arguments)
        grader = Grader(layout=Layout(source=(), tests=()), tests=settings)
        files = tuple(n for n in modules if "conftest" not in n)
        return grader.execute(replace(NOTHING, test_files=files), box)[0]

    return execute


def collected(folder):
    """Node ids as pytest itself prints them."""
    env = {n: v for n, v in os.environ.items() if not n.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return {line for line in done.stdout.splitlines() if "::" in line}


def test_every_kind_of_test_is_read_with_its_own_id(run, tmp_path):
    found = run({FILE: EVERY_KIND})
    assert found.problem == ""
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(EVERY_KIND)
    assert set(found.outcomes) == collected(tmp_path)
    wrong = {i: o for i, o in found.outcomes.items() if o != "passed"}
    assert wrong == {f"{FILE}::{name}": outcome for name, outcome in NOT_PASSED.items()}


def test_a_run_without_failures_is_read(run):
    found = run({"tests/test_a.py": "def test_a(): pass\n", "tests/test_b.py": "def test_b(): 1\n"})
    assert dict(found.outcomes) == {
        "tests/test_a.py::test_a": "passed",
        "tests/test_b.py::test_b": "passed",
    }
    assert found.problem == ""


def test_a_module_that_cannot_be_imported_fails_and_takes_nothing_with_it(run):
    found = run({"tests/test_a.py": "import nothing_here\ndef test_a(): pass\n"})
    assert not found.passed("tests/test_a.py::test_a")
    assert list(found.outcomes.values()) == ["failed"]


def test_what_a_program_says_when_it_ends_does_not_hide_the_counts(run):
    noisy = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('bye, 0 passed', file=sys.stderr))\n"
        "def test_a(): pass\n"
    )
    found = run({"tests/test_a.py": noisy})
    assert found.problem == ""
    assert found.passed("tests/test_a.py::test_a")


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ("", "exit code 5"),
        ("import os; os._exit(0)", "no readable test report"),
        ("def test_a():\n    import os; os._exit(0)", "no readable test report"),
        ("import os; os.abort()", "exit code 134"),
    ],
)
def test_a_run_without_evidence_has_a_problem(run, module, problem):
    found = run({"tests/test_a.py": module})
    assert problem in found.problem
    assert not found.passed("tests/test_a.py::test_a")


def test_a_run_that_takes_too_long_has_a_problem_and_no_outcomes(run):
    found = run({"tests/test_a.py": "import time\ndef test_a(): time.sleep(60)\n"}, seconds=1.0)
    assert "longer than 1 s" in found.problem
    assert not found.outcomes


XML = (
    b'<testsuites><testsuite name="pytest" tests="1" failures="%d"><testcase file="tests/a.py"'
    b' classname="tests.a" name="test">%s</testcase></testsuite></testsuites>'
)
PASSED, FAILED = XML % (0, b""), XML % (1, b"<failure/>")


@pytest.mark.parametrize(
    ("xml", "log", "code", "problem"),
    [
        (PASSED, b"1 passed in 0.01s", 0, ""),
        (PASSED, b"== 1 passed in 0.01s ==\nException ignored in: <x>", 0, ""),
        (PASSED, b"1 passed, 2 warnings in 63.10s (0:01:03)", 0, ""),
        (FAILED, b"1 failed in 0.01s", 1, ""),
        (PASSED, b"1 passed in 0.01s", 1, "exit code 1 with 0 failed"),
        (FAILED, b"1 failed in 0.01s", 0, "exit code 0 with 1 failed"),
        (PASSED, b"", 0, "printed are 0 passed"),
        (PASSED, b"no tests ran in 0.01s", 0, "printed are 0 passed"),
        (PASSED, b"1 passed, 4 failed in 0.01s", 0, "4 failed; reported are 1 passed"),
        (PASSED, b"1 skipped in 0.01s", 0, "printed are 0 passed, 0 xfailed, 1 skipped"),
        (FAILED, b"1 passed in 0.01s", 1, "printed are 1 passed"),
        (FAILED, b"1 failed, 1 passed in 0.01s", 1, "printed are 1 passed"),
        (FAILED, b"1 passed, 1 error in 0.01s", 1, ""),
        (PASSED, b"1 passed in 0.01s", 3, "exit code 3"),
        (PASSED, b"1 passed in 0.01s", 139, "exit code 139"),
        (b"", b"1 passed in 0.01s", 0, "no readable"),
        (b"<testsuites/>", b"1 passed in 0.01s", 0, "no test ran"),
        (b"<html/>", b"1 passed in 0.01s", 0, "no readable"),
        (PASSED[:-20], b"1 passed in 0.01s", 0, "no readable"),
        (b"printed by a test\n" + PASSED, b"1 passed in 0.01s", 0, "no readable"),
    ],
)
def test_report_exit_code_and_counts_must_agree(xml, log, code, problem):
    found = read(xml, log, code)
    assert problem in found.problem if problem else not found.problem
    assert found.passed("tests/a.py::test") == (not problem and xml == PASSED)


def test_an_inherited_test_is_named_by_the_module_that_ran(tmp_path):
    (tmp_path / "tests").mkdir()
    base = "class Base:\n    def test_it(self): assert self.x\n"
    (tmp_path / "tests" / "__init__.py").write_text(base)
    for name in ("a", "a_b"):
        text = f"from . import Base\nclass TestIt(Base):\n    x = {name == 'a'}\n"
        (tmp_path / "tests" / f"test_{name}.py").write_text(text)
    modules = ("tests/test_a.py", "tests/test_a_b.py")
    xml = tmp_path / "report.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--junitxml", xml, "-o", "junit_family=xunit1",
         "-p", "no:cacheprovider", f"--rootdir={tmp_path}", *modules],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    found = read(xml.read_bytes(), done.stdout, done.returncode, modules=modules)
    assert found.outcomes == {
        "tests/test_a.py::TestIt::test_it": "passed",
        "tests/test_a_b.py::TestIt::test_it": "failed",
    }


ONE = b'<testsuite><testcase classname="a" name="test_b" file="a.py"/></testsuite>'
LONG = 200_000


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 10, "0" * 5000])
def test_a_count_that_no_number_can_be_is_not_believed(number):
    last = f"1 passed in 0.01s\n{number} passed, {number} failed in 0.01s\n"
    assert read(ONE, last.encode(), 0).problem
    assert number in without_controls(f"=== {last}", ["control"], {"failed": 1})


@pytest.mark.parametrize(
    "line",
    [
        "=== 1 passed" + "a" * LONG,
        "1 " + "a" * LONG,
        "1 passed" + " in 1" * (LONG // 5),
        "/" * LONG,
        "/a" * (LONG // 2),
        "/tmp" * (LONG // 4),
        "=" * LONG,
        "_" * LONG,
    ],
    ids=lambda line: line[:16],
)
def test_no_line_that_tests_print_takes_longer_than_its_length(line):
    started = process_time()
    read(ONE, line.encode(), 0)
    without_controls(normalize_log(line, "/testbed"), ["control"], {"failed": 1})
    assert process_time() - started < 5


def test_temporary_files_are_blanked_wherever_they_stand():
    said = "a=/x/tmp.abcdefghij/b /tmp/tmp.ABCDEFGHIJ: 'y/z/tmp.abcdefghij'"
    assert normalize_log(said, "/testbed") == "a=/tmp/?/b /tmp/?: 'y/tmp/?'"


@pytest.mark.parametrize("times", [b"0m1.2.3s", b"9m.s", b"9" * 5000 + b"m0s", b"1m" + b"9" * 5000])
def test_times_that_tests_made_up_are_none(times):
    """They may write where the shell does: the file descriptors of a parent are in /proc."""
    assert not used_up(0, times * 4, TestSettings())
    assert not used_up(137, times * 4, TestSettings())
