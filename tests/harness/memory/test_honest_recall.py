"""What a memory may keep and recall, by the command line: all else ends the run, with evidence."""

import json
import re

import pytest

from tests.harness.memory import dishonest

MEMORIES = f"{dishonest.__name__}:"


@pytest.fixture
def ended(run):
    """`ended("Recalls", origin="x")`: how a run with one of the dishonest memories ends."""

    def make(name, limit=1, arms=("sequential",), agent="noop", **options):
        chosen = [word for k, v in options.items() for word in ("--memory-option", f"{k}={v}")]
        given = ("--agent", agent, "--memory", MEMORIES + name, *chosen)
        return run(*given, "--feedback", "none", "--retries", "0", limit=limit, arms=arms)

    return make


def said(ended):
    error, hint = ended.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert max(len(error), len(hint)) <= 300
    return error, hint


def evidence(ended):
    (path,) = ended.store.root.rglob("recall.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("name", "origin", "reason"),
    [
        ("Recalls", "", "without an origin"),
        ("Recalls", "nobody-1", "neither a task it was told of nor a declared source (none)"),
        ("Recalls", "LATER", "neither a task it was told of"),
        ("Recalls", "OWN", "not past"),
        ("Recalls", "history:HEAD", "nor a declared source (none)"),
        ("Recalls", "gold:1", "nor a declared source (none)"),
        ("Recalls", "handbook:1", "nor a declared source (none)"),
        ("States", "handbook", "nor a declared source (handbook)"),
        ("States", "handbook:1 nobody-1", "'nobody-1', neither a task"),
        ("Reads", f"history:{'0' * 40}", "which the task's base commit does not reach"),
        ("Reads", "history:", "which the task's base commit does not reach"),
        ("Reads", "HEAD", "neither a task it was told of nor a declared source (history)"),
        ("Reads", "model:x", "neither a task it was told of nor a declared source (history)"),
    ],
)
def test_an_origin_that_is_not_allowed_ends_the_run(ended, ledgerlite, name, origin, reason):
    later, own = ledgerlite.instances[5].instance_id, ledgerlite.instances[0].instance_id
    over = ended(name, origin=origin.replace("LATER", later).replace("OWN", own))
    assert over.code == 3, over.err
    error, hint = said(over)
    assert "at position 0 the memory recalls" in error
    assert reason in error
    assert re.search(r"snapshot sha256:\w{64} is kept in the run directory \(recall.json\)", hint)
    assert evidence(over)["items"][0]["text"] == "look there"


def test_a_commit_that_is_merged_later_is_out_of_reach(ended, ledgerlite):
    later = ledgerlite.instances[3].base_commit
    over = ended("Reads", origin=f"history:{later}")
    assert over.code == 3, over.err
    assert "which the task's base commit does not reach" in said(over)[0]


@pytest.mark.parametrize(
    ("name", "origin"),
    [("States", "handbook:page-7"), ("Reads", "history:HEAD"), ("Recalls", "told")],
)
def test_what_is_declared_or_was_told_may_be_recalled(ended, name, origin):
    options = {"told": "true"} if origin == "told" else {"origin": origin}
    assert ended(name, limit=2, **options).code == 0


def test_the_snapshot_shows_what_the_memory_held(ended, ledgerlite):
    over = ended("Invents", limit=2)
    assert over.code == 3, over.err
    digest = "".join(re.findall(r"sha256:\w{64}", said(over)[1]))
    assert digest
    kept = json.loads(over.store.snapshots.files(digest)["ids.json"])
    assert kept == [ledgerlite.instances[0].instance_id]
    assert evidence(over)["items"][0]["origins"] == ["nobody-1"]


@pytest.mark.parametrize("score", ["nan", "inf", "-inf", "1e999"])
def test_a_score_that_is_no_number_is_a_failure_of_the_memory(ended, score):
    over = ended("States", origin="handbook:1", score=score)
    assert over.code == 5, over.err
    assert over.causes("sequential") == ["memory_failed"]
    assert re.search(r"score is (nan|-?inf)", over.err)


@pytest.mark.parametrize("what", ["nothing", "text", "notes", "hint", "items"])
def test_what_is_no_recall_is_a_failure_of_the_memory(ended, what):
    over = ended("Returns", what=what)
    assert over.code == 5, over.err
    assert over.causes("sequential") == ["memory_failed"]


@pytest.mark.parametrize(
    "how", ["text", "notes", "names", "files", "hint", "env", "base64", "two items"]
)
def test_a_line_of_the_fix_in_a_recall_ends_the_run(ended, ledgerlite, how):
    over = ended("Tells", how=how)
    assert over.code == 3, over.err
    error, hint = said(over)
    name = ledgerlite.instances[0].instance_id
    assert f"before {name} (arm sequential, seed 0) the memory recalls a line of the fix" in error
    assert evidence(over)["items"]
    assert "is kept in the run directory (recall.json)" in hint


@pytest.mark.parametrize("how", ["bare hint", "bare env"])
def test_a_hint_without_an_item_comes_from_nowhere(ended, how):
    over = ended("Tells", how=how)
    assert over.code == 3, over.err
    assert "without an item" in said(over)[0]


NAMED = (
    "reversed",
    "swapped",
    "utf-16",
    "rot13",
    "url",
    "all html",
    "base64",
    "gzip",
    "characters",
)
HOW = (*NAMED, "codes", "pieces", "hex", "caesar", "xz", "code records", "gzip+base64")


@pytest.mark.parametrize("how", HOW)
def test_an_encoded_line_of_the_fix_in_a_state_ends_the_run(ended, how):
    over = ended("Hides", how=how)
    assert over.code == 3, over.err
    error, hint = said(over)
    assert "the memory's state" in error
    assert "holds a line of the fix" in error
    assert "in the run directory" in hint


def test_a_state_that_unfolds_to_more_than_can_be_searched_is_a_failure(ended):
    over = ended("Bomb")
    assert over.code == 5, over.err
    assert "too much to search" in over.err


def test_an_honest_memory_may_compress_its_state(ended):
    over = ended("Grows", limit=3, agent="gold")
    assert over.code == 0, over.err
    assert [r.recalled for r in over.store.journal().rollouts] == [0, 1, 2]
