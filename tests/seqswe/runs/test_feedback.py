"""Each feedback policy tells a memory exactly what it allows."""

import pytest

from seqswe.agent import Attempt
from seqswe.experiment import FEEDBACKS
from seqswe.runs.feedback import TEST_OUTPUT, experience
from seqswe.runs.rollout import Verdict
from seqswe.testing import experiences

INSTANCE = experiences(1).instance(0)
ATTEMPT = Attempt(ranking=("a.py",), notes={"k": 1})
ALLOWED = {
    "none": set(),
    "verdict": {"resolved"},
    "tests": {"resolved", "test_output"},
    "gold": {"resolved", "test_output", "gold_patch", "gold_files"},
}


def told(policy, log="E   assert 1 == 2"):
    return experience(
        INSTANCE.task(0),
        ATTEMPT,
        patch="a patch",
        edited_files=("a.py",),
        gold=INSTANCE,
        verdict=Verdict(resolved=False),
        test_log=log,
        policy=policy,
    )


@pytest.mark.parametrize("policy", FEEDBACKS)
def test_a_policy_withholds_exactly_what_it_must(policy):
    found = told(policy)
    withheld = {name for name in ALLOWED["gold"] if getattr(found, name) is None}
    assert withheld == ALLOWED["gold"] - ALLOWED[policy]


@pytest.mark.parametrize("policy", FEEDBACKS)
def test_what_the_agent_itself_knows_is_always_told(policy):
    found = told(policy)
    assert (found.patch, found.ranking, found.edited_files) == ("a patch", ("a.py",), ("a.py",))
    assert found.notes == {"k": 1}
    assert found.task == INSTANCE.task(0)


def test_gold_tells_the_fix():
    found = told("gold")
    assert (found.gold_patch, found.files) == (INSTANCE.patch, INSTANCE.gold_files)


def test_without_gold_the_files_are_those_the_agent_edited():
    assert told("tests").files == ("a.py",)


@pytest.mark.parametrize("policy", ["none", "verdict", "tests"])
def test_no_other_policy_lets_anything_of_the_fix_through(policy):
    shown = repr(told(policy))
    assert INSTANCE.patch not in shown
    assert INSTANCE.test_patch not in shown
    assert INSTANCE.fail_to_pass[0] not in shown


def test_of_a_long_log_the_end_is_told():
    found = told("tests", log="x" * TEST_OUTPUT + "the end").test_output
    assert len(found) == TEST_OUTPUT
    assert found.endswith("the end")
