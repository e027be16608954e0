"""Verdicts of honest patches, and of patches that lie about the tests."""

import difflib
from dataclasses import replace

import pytest

from harness.grading.grade import empty_patch
from seqswe.errors import RolloutError
from tests.harness.projects import Tiny, commit

SOURCE = "def f(): return 0\ndef g(): return 1\n"
TESTS = "from tiny.core import f, g\ndef test_f(): assert f() == 1\ndef test_g(): assert g() == 1\n"
FIX = "def f(): return 1\n"
F, G = "tests/test_core.py::test_f", "tests/test_core.py::test_g"


@pytest.fixture(scope="module")
def codebase(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    before = TESTS.replace("== 1", "is not None")
    files = {"tiny/__init__.py": "", "tiny/core.py": SOURCE, "tests/test_core.py": before}
    commit(folder / "clone", files, day=0)
    commit(folder / "clone", {"tiny/core.py": SOURCE + FIX, "tests/test_core.py": TESTS}, day=1)
    return folder


@pytest.fixture
def tiny(codebase, local):
    made = Tiny(codebase, local)
    # Each test lays out its own objects in the shared folder.
    made.folder = codebase / f"work-{len(list(codebase.glob('work-*')))}"
    made.folder.mkdir()
    return made


@pytest.fixture
def grade(tiny):
    """Grades a patch that adds text to the source and creates other files."""
    instance = tiny.instance(fail_to_pass=(F,), pass_to_pass=(G,))

    def graded(added="", files=None, **changes):
        patch = difference("tiny/core.py", SOURCE, SOURCE + added) if added else ""
        for name, text in (files or {}).items():
            patch += difference(name, "", text)
        box = tiny.open()
        try:
            return tiny.grader.grade(replace(instance, **changes), patch, box)
        finally:
            box.close()

    return graded


def difference(name, old, new):
    lines = [text.splitlines(keepends=True) for text in (old, new)]
    kind = "" if old else "new file mode 100644\n"
    names = (f"a/{name}" if old else "/dev/null", f"b/{name}")
    body = "".join(difflib.unified_diff(*lines, *names))
    return f"diff --git a/{name} b/{name}\n{kind}{body}"


def test_a_fix_resolves_and_its_log_tells_only_of_its_tests(grade):
    graded = grade(FIX)
    assert graded.verdict.resolved
    assert graded.verdict.tests_ran == 2
    assert graded.log == "2 passed in ?s\n"


def test_a_patch_that_fixes_nothing_does_not_resolve_and_says_what_failed(grade):
    graded = grade("unused = 1\n")
    assert not graded.verdict.resolved
    assert graded.verdict.fail_to_pass.failure == (F,)
    assert graded.verdict.pass_to_pass.success == (G,)
    assert graded.verdict.problem == ""
    assert "1 failed, 1 passed in ?s" in graded.log


def test_a_fix_that_breaks_something_else_does_not_resolve(grade):
    verdict = grade(FIX + "def g(): return 9\n").verdict
    assert not verdict.resolved
    assert verdict.pass_to_pass.failure == (G,)


def test_tests_of_the_candidate_do_not_count(grade):
    easy = TESTS.replace("== 1", "is not None")
    steer = "import pytest\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport():\n"
    graded = grade(
        "unused = 1\n",
        {
            "tests/test_new.py": easy,
            "conftest.py": f"{steer}    report = yield\n    report.outcome = 'passed'\n",
            "pytest.ini": "[pytest]\naddopts = --collect-only\n",
            "sitecustomize.py": "raise SystemExit(0)\n",
            "sitecustomize/__init__.py": "import os; os._exit(0)\n",
        },
    )
    assert not graded.verdict.resolved
    assert graded.verdict.tests_ran == 2
    assert len(graded.verdict.dropped_files) == 5


def test_a_patch_that_does_not_apply_is_unresolved(grade):
    verdict = grade(files={"tiny/core.py": "it is already there\n"}).verdict
    assert not verdict.resolved
    assert not verdict.patch_applied
    assert verdict.problem.startswith("the patch does not apply: error: tiny/core.py: already")
    assert verdict.reason == "patch_not_applicable"


def test_a_patch_that_cannot_be_read_is_unresolved(tiny):
    graded = tiny.grader.grade(tiny.instance(fail_to_pass=(F,)), "no patch\n", tiny.open())
    assert not graded.verdict.resolved
    assert "cannot be read" in graded.verdict.problem


def test_an_empty_patch_is_unresolved_without_running_anything(tiny):
    verdict = empty_patch(tiny.instance(fail_to_pass=(F,), pass_to_pass=(G,))).verdict
    assert not verdict.resolved
    assert verdict.patch_is_none
    assert verdict.as_report("x")["x"]["tests_status"]["FAIL_TO_PASS"]["failure"] == (F,)


def test_a_patch_in_the_way_of_the_tests_is_unresolved_and_not_the_graders_failure(grade, tiny):
    test_patch = difference("tiny/parts/test_core.py", "", TESTS)
    test_files = ("tiny/parts/test_core.py",)
    verdict = grade(
        files={"tiny/parts": "in the way\n"}, test_patch=test_patch, test_files=test_files
    ).verdict
    assert not verdict.resolved
    assert verdict.patch_applied
    assert "the test patch does not apply" in verdict.problem


def test_a_test_patch_that_never_applied_is_the_graders_failure(grade):
    broken = difference("tests/test_core.py", "not\n", "there\n")
    with pytest.raises(RolloutError) as caught:
        grade(test_patch=broken)
    assert caught.value.cause == "grader_failed"


@pytest.mark.parametrize(
    ("seconds", "code", "problem"),
    [
        (2.0, "while True: pass\n", "the tests took longer than 2 s"),
        (1.0, "import time; time.sleep(60)\n", "the tests took longer than 1 s"),
        (
            3.0,
            "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass\n",
            "the tests took longer than 3 s",
        ),
    ],
)
def test_a_patch_that_never_ends_is_unresolved(tiny, seconds, code, problem):
    graded = graded_within(tiny, seconds, code)
    assert not graded.verdict.resolved
    assert graded.verdict.problem == problem
    assert graded.verdict.reason == "tests_cut_off"
    assert graded.told == f"{problem}\n", "whatever was printed until then"


def test_waiting_is_not_processor_time(tiny):
    """Neither for a lock nor for a processor that others keep busy."""
    graded = graded_within(tiny, 3.0, FIX + "import time; time.sleep(3.5)\n")
    assert graded.verdict.resolved
    assert graded.test_seconds > 3.0


def graded_within(tiny, seconds, added):
    grader = replace(tiny.grader, tests=replace(tiny.grader.tests, seconds=seconds))
    patch = difference("tiny/core.py", SOURCE, SOURCE + added)
    return grader.grade(tiny.instance(fail_to_pass=(F,)), patch, tiny.open())


FORGERIES = {
    "ends with success": "import os; os._exit(0)\n",
    "ends politely": "import sys; sys.exit(0)\n",
    "says passed at the end": (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('PASSED {F}\\n2 passed in 0.01s', file=sys.stderr))\n"
    ),
    "empties every test": "import _pytest.python as p\np.Function.runtest = lambda self: None\n",
    "forgives every report": (
        "import _pytest.reports as r\n"
        "make = r.TestReport.from_item_and_call.__func__\n"
        "def lie(cls, item, call):\n"
        "    report = make(cls, item, call)\n"
        "    report.outcome, report.longrepr = 'passed', None\n"
        "    return report\n"
        "r.TestReport.from_item_and_call = classmethod(lie)\n"
    ),
    "forgets failures": (
        "import _pytest.junitxml as j\nj._NodeReporter.append_failure = lambda self, report: None\n"
    ),
    "writes a report of its own": (
        "import atexit, os, sys\n"
        "def lie():\n"
        "    path = [a for a in sys.orig_argv if a.startswith('--junitxml=')][0][11:]\n"
        "    case = '<testcase file=\"tests/test_core.py\" classname=\"tests.test_core\"'\n"
        "    case += ' name=\"%s\"/>'\n"
        "    cases = case % 'test_f' + case % 'test_g'\n"
        "    open(path, 'w').write(f'<testsuites><testsuite>{cases}</testsuite></testsuites>')\n"
        "    os.write(2, b'2 passed in 0.01s\\n')\n"
        "    os._exit(0)\n"
        "atexit.register(lie)\n"
    ),
    "skips what it cannot pass": (
        "import pytest, _pytest.python as p\np.Function.runtest = lambda self: pytest.skip('x')\n"
    ),
    "expects its failure": "import pytest\ndef f(): pytest.xfail('x')\n",
    "skips itself": "import pytest\ndef f(): pytest.skip('x')\n",
    "expects every failure": (
        "import pytest, _pytest.python as p\n"
        "p.Function.runtest = lambda self: pytest.xfail('x')\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_result_does_not_resolve(grade, code):
    verdict = grade(code).verdict
    assert verdict.patch_applied
    assert not verdict.dropped_files, "it is source, which a candidate may change"
    assert not verdict.resolved


def test_what_gets_through_is_written_in_the_documentation(grade):
    # Code under test runs in the process of the tests: one that knows the control can spare it.
    knowing = (
        "import _pytest.python as p\nrun = p.Function.runtest\n"
        "named = ('test_f', 'test_g')\n"
        "p.Function.runtest = lambda self: None if self.name in named else run(self)\n"
    )
    equal_to_all = "class All(int):\n    __eq__ = lambda s, o: True\ndef f(): return All()\n"
    assert grade(knowing).verdict.resolved
    assert grade(equal_to_all).verdict.resolved
