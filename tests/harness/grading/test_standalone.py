"""Grading without SeqSWE installed comes to the verdicts that the grader comes to."""

import json
from dataclasses import replace

import pytest

from harness.grading.apply import forbidden_paths
from harness.grading.inside.verify import is_forbidden
from harness.grading.standalone import verifier_files
from seqswe.manifests.manifest import Layout
from tests.harness.grading.test_grade import FIX, FORGERIES, TESTS, F, G, difference
from tests.harness.grading.test_grade import SOURCE as OLD
from tests.harness.grading.test_grade import codebase as codebase
from tests.harness.grading.test_grade import tiny as tiny


@pytest.fixture
def verify(tiny, tmp_path):
    """Grades a patch that adds text to the source: verify.py's rewards, and its problem."""
    instance = tiny.instance(fail_to_pass=(F,), pass_to_pass=(G,))

    def graded(added="", patch="", **changes):
        patch = patch or (difference("tiny/core.py", OLD, OLD + added) if added else "")
        box = tiny.open()
        given = replace(instance, **changes)
        files = verifier_files(tiny.grader, given, root=box.root, home=box.root, uid=0)
        for name, data in {**files, "model.patch": patch.encode()}.items():
            (tmp_path / name).write_bytes(data)
        try:
            program, model = tmp_path / "verify.py", tmp_path / "model.patch"
            done = box.run(["python3", "-I", "-S", f"{program}", f"{model}", f"{tmp_path}"])
            assert done.ok, done.stderr
        finally:
            box.close()
        said = json.loads((tmp_path / "report.json").read_text())
        return json.loads((tmp_path / "reward.json").read_text()), said["problem"]

    return graded


def test_a_fix_has_the_whole_reward(verify):
    rewards, problem = verify(FIX)
    assert rewards == {"reward": 1.0, "fail_to_pass": 1.0, "pass_to_pass": 1.0}
    assert problem == ""


def test_what_fixes_nothing_has_none_and_says_what_still_passes(verify):
    assert verify("unused = 1\n")[0] == {"reward": 0.0, "fail_to_pass": 0.0, "pass_to_pass": 1.0}
    assert verify()[1] == "no patch"


@pytest.mark.parametrize("name", ["ends politely", "forgives every report", "forgets failures"])
def test_a_forged_result_has_no_reward(verify, name):
    rewards, problem = verify(FORGERIES[name])
    assert rewards["reward"] == 0.0
    assert problem


def test_tests_of_the_candidate_do_not_count(verify):
    easy = difference("tests/test_core.py", TESTS.replace("== 1", "is not None"), "x = 1\n")
    steered = difference("conftest.py", "", "collect_ignore = ['tests']\n")
    rewards, _ = verify(patch=difference("tiny/core.py", OLD, OLD + FIX) + easy + steered)
    assert rewards["reward"] == 1.0


def test_a_patch_in_the_way_of_the_tests_has_no_reward(verify):
    parts = {"tiny/parts/test_core.py": TESTS}
    test_patch = "".join(difference(name, "", text) for name, text in parts.items())
    rewards, problem = verify(
        patch=difference("tiny/parts", "", "in the way\n"),
        test_patch=test_patch,
        test_files=tuple(parts),
    )
    assert rewards["reward"] == 0.0
    assert problem == "the patch is in the way of the tests"


def test_a_program_without_seqswe_forbids_the_same_paths(tiny):
    layout = Layout(
        source=("tiny",), tests=("tests", "**/testing/", "a/*/b.py"), test_modules="test_*.py *"
    )
    grader = replace(tiny.grader, layout=layout)
    files = verifier_files(grader, tiny.instance(fail_to_pass=(F,)), root="/x", home="/x")
    rules, why = json.loads(files["plan.json"])["forbidden"], forbidden_paths(layout, ["tests/x"])
    rules["allowed"] = ["tests/x"]
    paths = ["tests/x", "tests/y", "tests", "tiny/core.py", "tiny/test_a.py", "q/testing/z.txt"]
    paths += ["a/c/b.py", "a/c/d/b.py", "conftest.py", "x/sitecustomize/a.py", "testsx", "x.pth"]
    assert [is_forbidden(path, rules) for path in paths] == [bool(why(path)) for path in paths]
    assert {is_forbidden(path, rules) for path in paths} == {True, False}
