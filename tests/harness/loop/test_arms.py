"""Every arm for real, on the demo codebase in the local sandbox; and one rollout again."""

import json
import re
import shutil

import pytest

from seqswe.cli import main
from seqswe.runs.rollout import MEASUREMENTS
from seqswe.runs.snapshots import EMPTY
from seqswe.runs.store import RunDirectory
from tests.harness.conftest import PLUGINS

ARMS = ("sequential", "frozen-2", "window", "replay-1", "replay-without-own-1", "reversed")
MADE = ["--agent", "noop", "--memory", PLUGINS + "Told", "--seeds", "1", "--limit", "3",
        *(word for arm in ARMS for word in ("--arm", arm)), "--sandbox", "local"]  # fmt: skip


def told(*given):
    """Run a command; its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, given)))
    return ended.value.code


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("arms") / "run"
    assert told("run", *MADE, "--out", root) == 0
    return RunDirectory.open(root)


@pytest.fixture(scope="module")
def found(made):
    return {(r.arm, r.position): r for r in made.journal().rollouts}


@pytest.fixture(scope="module")
def ids(ledgerlite):
    return [record.instance_id for record in ledgerlite.instances[:3]]


def state(run, digest):
    return [seen["id"] for seen in json.loads(run.snapshots.files(digest)["seen.json"])]


def test_it_was_looked_for_refactorings(made):
    assert made.info.refactorings == ()


def test_each_arm_runs_its_tasks_and_no_others(found):
    positions = {arm: sorted(p for a, p in found if a == arm) for arm, _ in found}
    assert positions == {
        "sequential": [0, 1, 2], "frozen-2": [2], "replay-1": [0],
        "replay-without-own-1": [0], "reversed": [0, 1, 2], "window-1": [2], "window-2": [2],
    }  # fmt: skip


def test_frozen_reads_the_snapshot_and_leaves_it(found, ids):
    frozen = found["frozen-2", 2]
    assert frozen.memory_before == frozen.memory_after == found["sequential", 1].memory_after
    assert list(frozen.recalled_from) == ids[:2]


def test_a_window_is_told_of_its_own_lessons_alone(made, found, ids):
    for arm, lesson in (("window-1", 0), ("window-2", 1)):
        assert list(found[arm, 2].recalled_from) == [ids[lesson]]
        assert state(made, found[arm, 2].memory_before) == [ids[lesson]]
        assert found[arm, 2].memory_after == found[arm, 2].memory_before


def test_replay_recalls_everything_that_was_learned(found, ids):
    assert found["replay-1", 0].memory_before == found["sequential", 2].memory_after
    assert list(found["replay-1", 0].recalled_from) == ids


def test_the_own_lesson_is_left_out_exactly(made, found, ids):
    rollout = found["replay-without-own-1", 0]
    assert list(rollout.recalled_from) == ids[1:]
    assert state(made, rollout.memory_before) == ids[1:]
    whole = json.loads(made.snapshots.files(found["sequential", 2].memory_after)["seen.json"])
    left = json.loads(made.snapshots.files(rollout.memory_before)["seen.json"])
    assert left == whole[1:]


def test_a_reversed_chain_knows_what_came_before_it_in_its_order(found, ids):
    assert found["reversed", 2].memory_before == EMPTY
    assert list(found["reversed", 0].recalled_from) == [ids[2], ids[1]]


@pytest.mark.parametrize("kept", [2, 6])
def test_probes_are_resumed_to_the_same_results(made, tmp_path, kept):
    again = tmp_path / "again"
    shutil.copytree(made.root, again)
    lines = (again / "rollouts.jsonl").read_text().splitlines(keepends=True)
    (again / "rollouts.jsonl").write_text("".join(lines[:kept]))
    assert told("resume", again) == 0
    assert RunDirectory.open(again).journal().results_digest() == made.journal().results_digest()


def test_a_run_whose_experiences_are_gone_says_so(made, tmp_path, capsys):
    again = tmp_path / "again"
    shutil.copytree(made.root, again)
    lines = (again / "rollouts.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"arm": "replay-without-own-1"' not in line]
    (again / "rollouts.jsonl").write_text("".join(kept))
    for path in again.rglob("experience.json"):
        path.unlink()
    assert told("resume", again) == 2
    assert "experience.json: No such file" in capsys.readouterr().err


def replayed(capsys, run, *given):
    code = told("replay", run.root, *given)
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, said.out, said.err


def test_a_rollout_again_from_its_own_moment_is_the_same(made, found, ids, capsys, tmp_path):
    out = tmp_path / "kept"
    out.mkdir()  # empty, as mktemp leaves it
    given = ("--task", 2, "--memory-from", "before", "--out", out)
    code, text, _ = replayed(capsys, made, *given)
    assert code == 0
    assert "DIAGNOSTIC" not in text
    data = json.loads((out / "replay.json").read_text())
    then, now = (
        {k: v for k, v in data[name].items() if k not in (*MEASUREMENTS, "digest")}
        for name in ("old", "new")
    )
    # Recorded, it learned something; run again, it learns nothing.
    for name in ("memory_after", "memory_bytes"):
        then.pop(name), now.pop(name)
    assert then == now
    assert {path.name for path in out.iterdir()} == {
        "patch.diff", "report.json", "test.log", "trajectory.json", "replay.json",
    }  # fmt: skip


def test_before_is_without_the_own_lesson_where_the_arm_leaves_it_out(made, ids, capsys, tmp_path):
    out = tmp_path / "kept"
    given = ("--task", 1, "--memory-from", "before", "--arm", "replay-without-own-1")
    code, text, _ = replayed(capsys, made, *given, "--out", out)
    assert code == 0
    then, now = (json.loads((out / "replay.json").read_text())[name] for name in ("old", "new"))
    assert then["recalled_from"] == now["recalled_from"] == ids[1:]
    assert then["memory_before"] == now["memory_before"]
    rows = {line[:16].strip(): line[16:].split() for line in text.splitlines()}
    assert rows["memory of"] == ["2", "tasks", "2", "tasks"]
    assert "DIAGNOSTIC" in text


@pytest.mark.parametrize(
    ("memory_from", "recalled", "diagnostic"),
    [("empty", 0, False), ("1", 1, False), ("final", 3, True)],
)
def test_any_snapshot_can_be_chosen(made, capsys, memory_from, recalled, diagnostic):
    before = (made.root / "rollouts.jsonl").read_bytes()
    given = ("--task", 2, "--memory-from", memory_from)
    code, text, _ = replayed(capsys, made, *given)
    assert code == 0
    assert ("DIAGNOSTIC" in text) == diagnostic
    rows = {line[:16].strip(): line[16:].split() for line in text.splitlines()}
    assert rows["memory of"] == ["1", "tasks", str(recalled), "tasks"]
    assert rows["recalled"][4] == str(recalled)
    assert rows["verdict"] == ["unresolved", "unresolved"]
    assert (made.root / "rollouts.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--task", 2, "--memory-from", "4"), "this run has no memory snapshot after 4 tasks"),
        (("--task", 2, "--memory-from", "soon"), "--memory-from 'soon' is not a number"),
        (("--task", 4, "--memory-from", "0"), "the run has no task '4'"),
        (("--task", 2, "--memory-from", "0", "--arm", "iid"), "has no arm 'iid' with seed 0"),
        (("--task", 2, "--memory-from", "0", "--seed", 1), "with seed 1"),
        (("--task", 2, "--memory-from", "0", "--out", "."), "is not empty"),
    ],
)
def test_what_cannot_be_replayed_is_said(made, capsys, given, said):
    code, _, err = replayed(capsys, made, *given)
    assert code == 2
    assert said in err.splitlines()[-2]
    assert err.splitlines()[-1].startswith("hint:")


@pytest.mark.parametrize("policy", ["none", "verdict"])
def test_a_memory_that_hoards_gold_ends_the_run(run, policy):
    ended = run("--agent", "noop", "--memory", ":Hoarder", "--feedback", policy, limit=1)
    assert ended.code == 3
    error = ended.err.splitlines()[-2]
    assert "the memory's seen.json, line 1, holds a line of the fix of seqswe__ledgerlite" in error
    assert f"under feedback '{policy}'" in error
    digest = re.search(r"snapshot (\S+) is kept", ended.err.splitlines()[-1])[1]
    assert b"hoarded" in ended.store.snapshots.files(digest)["seen.json"]
    (rollout,) = ended.store.journal().rollouts
    assert (rollout.resolved, rollout.failure.lost_verdict) == (None, False)


def test_what_is_told_again_is_audited_too(run):
    arms = ("sequential", "replay-without-own-1")
    given = ("--memory", ":HoarderWithoutFirst", "--feedback", "verdict")
    ended = run("--agent", "noop", *given, limit=2, arms=arms)
    assert ended.code == 3
    assert "(arm replay-without-own-1, seed 0) the memory's seen.json, line 1" in ended.err
    assert ended.err.endswith("Find where the memory has it from.\n")
    assert len(ended.store.journal().rollouts) == 2


def test_what_gold_feedback_released_may_be_hoarded(run):
    assert run("--agent", "noop", "--memory", ":Hoarder", limit=2).code == 0
