"""The loop, for real: the demo codebase's first issues in the local sandbox."""

import json
from dataclasses import replace

import pytest

from seqswe.analysis.arms import repeats
from seqswe.runs.snapshots import EMPTY
from tests.harness.conftest import PLUGINS

NONE = ("--memory", "none")
BRITTLE = ("--sandbox", f"{PLUGINS}Brittle")
BOTH = ("iid", "sequential")


def files(ended, arm, position, instance_id):
    folder = ended.store.folder(arm, 0, position, instance_id)
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_gold_resolves_all_and_its_memory_grows(run, ledgerlite):
    ended = run("--agent", "gold", "--memory", "episodic", limit=4, arms=BOTH)
    assert ended.code == 0, ended.err
    assert ended.verdicts("iid") == ended.verdicts("sequential") == [True] * 4
    rollouts = {(r.arm, r.position): r for r in ended.store.journal().rollouts}
    chain = [rollouts["sequential", position] for position in range(4)]
    assert [r.memory_before for r in chain[1:]] == [r.memory_after for r in chain[:-1]]
    assert chain[0].memory_before == EMPTY
    past = {r.instance_id for r in ledgerlite.instances[:3]}
    assert set(chain[3].recalled_from) <= past
    assert chain[3].recalled
    free = [rollouts["iid", position] for position in range(4)]
    assert {r.memory_before for r in free} == {r.memory_after for r in free} == {EMPTY}
    assert not any(r.recalled for r in free)
    assert all(r.audit.endswith("0 extra, 0 missing") for r in rollouts.values())
    kept = files(ended, "sequential", 3, chain[3].instance_id)
    usual = {"patch.diff", "test.log", "report.json", "trajectory.json"}
    assert set(kept) == usual | {"experience.json"}
    assert set(files(ended, "iid", 3, chain[3].instance_id)) == usual
    assert json.loads(kept["report.json"])[chain[3].instance_id]["resolved"] is True
    assert json.loads(kept["trajectory.json"])["steps"][0]["extra"]["recalled"]
    assert kept["patch.diff"].startswith("diff --git")
    assert {"audit", "agent", "memory", "grading", "tests", "journal", "total"} <= set(
        chain[3].timing
    )


def test_noop_resolves_none(run):
    ended = run("--agent", "noop", *NONE, arms=BOTH)
    assert ended.code == 0
    assert ended.verdicts("iid") == ended.verdicts("sequential") == [False] * 3


def test_a_script_is_followed(run, ledgerlite, tmp_path):
    first, second, _ = (r.instance_id for r in ledgerlite.instances[:3])
    patch = "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n"
    script = {first: patch, second: ["echo y > other.py", "rm -f README.md"]}
    (tmp_path / "script.json").write_text(json.dumps(script))
    ended = run("--agent", "scripted", "--agent-option", f"script={tmp_path}/script.json", *NONE)
    edited = [set(r.edited_files) for r in ended.store.journal().rollouts]
    assert edited[0] == {"new.py"}
    assert "other.py" in edited[1]
    assert edited[2] == set()


@pytest.mark.parametrize(
    ("agent", "detail"),
    [
        (":raises", "ValueError: lost the thread"),
        (":exits", "SystemExit"),
        (":returns_nothing", "solve returned None, not an Attempt"),
        (":returns_no_json", "not JSON serializable"),
        (":returns_half_a_step", "field 'steps' must be a whole number, not 0.5"),
        (":without_checkout", "its patch could not be collected"),
    ],
)
def test_an_agent_that_crashes_is_graded_and_the_sequence_goes_on(run, agent, detail):
    ended = run("--agent", agent, "--crashes", "0", *NONE, limit=2)
    assert ended.code == 0, ended.err
    assert ended.verdicts("sequential") == [False, False]
    assert ended.causes("sequential") == ["agent_crashed"] * 2
    rollout = ended.store.journal().rollouts[0]
    assert detail in rollout.failure.detail
    assert rollout.edited_files == (("half.py",) if agent == ":raises" else ())


def test_an_agent_that_uses_up_its_time_is_graded_for_what_it_left(run):
    ended = run("--agent", ":spends_everything", "--task-seconds", "1", *NONE, limit=2)
    assert ended.code == 0, ended.err
    assert ended.verdicts("sequential") == [False, False]
    assert ended.causes("sequential") == ["agent_out_of_budget"] * 2
    assert {r.edited_files for r in ended.store.journal().rollouts} == {("half.py",)}


def test_a_command_that_does_not_end_in_time_is_graded(run):
    option = "run=echo x > half.py; sleep 30"
    ended = run(
        "--agent", "command", "--agent-option", option, "--command-seconds", "1", *NONE, limit=1
    )
    assert ended.causes("sequential") == ["agent_out_of_budget"]
    assert ended.store.journal().rollouts[0].edited_files == ("half.py",)


NOT_THE_AGENTS = [
    *("moonshine", "harness_failed", "memory_failed", "cancelled"),
    *("provider_failed", "gateway_failed", "sandbox_failed", "grader_failed", "run_out_of_budget"),
]


@pytest.mark.parametrize("cause", NOT_THE_AGENTS)
def test_a_cause_that_is_not_the_agents_to_name_is_a_crash(run, cause):
    option = ("--agent-option", f"cause={cause}", "--crashes", "0")
    ended = run("--agent", ":names_a_cause", *option, *NONE, limit=1)
    assert ended.code == 0, ended.err
    assert ended.causes("sequential") == ["agent_crashed"]
    assert ended.verdicts("sequential") == [False]
    assert "what is this" in ended.store.journal().rollouts[0].failure.detail


def test_a_failure_that_the_agent_provoked_is_no_free_retry(run, tmp_path):
    count = tmp_path / "count"
    option = ("--agent-option", f"count={count}", "--crashes", "0")
    ended = run("--agent", ":provokes", *option, *BRITTLE, *NONE, limit=1)
    assert ended.code == 0, ended.err
    (rollout,) = ended.store.journal().rollouts
    assert (rollout.failure.cause, rollout.edited_files) == ("agent_crashed", ("half.py",))
    assert rollout.failure.detail == "sandbox_failed: the engine is gone"
    assert len(count.read_text().splitlines()) == rollout.tries == 1


@pytest.mark.parametrize(
    "cause", ["agent_crashed", "agent_out_of_budget", "run_out_of_budget", "provider_failed"]
)
def test_a_memory_cannot_blame_the_agent(run, cause):
    option = ("--memory-option", f"cause={cause}", "--retries", "0")
    ended = run("--agent", "noop", "--memory", ":Blaming", *option, arms=("iid",), limit=1)
    assert ended.causes("iid") == ["memory_failed"]


@pytest.mark.parametrize("what", ["ranking", "message", "deep notes", "long number"])
def test_no_agent_says_what_the_run_cannot_read_again(run, what):
    option = ("--agent-option", f"what={what}", "--crashes", "0")
    arms = ("sequential", "replay-without-own")
    ended = run("--agent", ":says_too_much", *option, limit=2, arms=arms)
    assert ended.code == 0, ended.err
    assert ended.causes("sequential") == ["agent_crashed"] * 2
    assert ended.verdicts("replay-without-own") == [False]


def test_however_many_odd_names_there_are_the_journal_can_be_read(run, call):
    ended = run(
        "--agent", ":leaves_odd_names", "--agent-option", "count=6000",
        "--output-bytes", "100000000", *NONE, limit=1,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    (rollout,) = ended.store.journal().rollouts
    assert len(rollout.edited_files) + rollout.cut["edited_files"] == 6000
    assert rollout.graded
    assert call("resume", ended.store.root).code == 0


def breaking(count, times):
    """Flags of a run whose sandbox breaks at the second task, in the first `times` tries."""
    options = ("--agent-option", f"count={count}", "--agent-option", f"times={times}")
    return ("--agent", ":breaks_its_sandbox", *options, *BRITTLE, "--retries", "2", *NONE)


def test_a_sandbox_that_breaks_blocks_its_sequence_until_it_holds(run, call, tmp_path):
    count = tmp_path / "count"
    ended = run(*breaking(count, times=99), arms=BOTH, limit=4)
    assert ended.code == 5
    assert ended.err.splitlines()[-2].startswith("error: 4 rollouts have no verdict (sandbox_fail")
    assert f"seqswe resume {ended.store.root}" in ended.err.splitlines()[-1]
    assert ended.verdicts("sequential") == [False, None]
    assert ended.verdicts("iid") == [False, None, False, False]
    assert len(count.read_text().splitlines()) == 2 * 3
    again = call("resume", ended.store.root, "--retries", "0")
    assert again.code == 5
    assert len(count.read_text().splitlines()) == 2 * 3 + 2
    tried = {(r.arm, r.position): r.tries for r in again.store.journal().rollouts}
    assert tried["sequential", 1] == tried["iid", 1] == 4
    assert set(tried.values()) == {1, 4}


def test_tries_are_in_journal_and_report_and_not_in_the_result(run, tmp_path):
    ended = run(*breaking(tmp_path / "count", times=2))
    assert ended.code == 0, ended.err
    assert ended.causes("sequential") == ["", "", ""]
    assert len((ended.store.root / "rollouts.jsonl").read_text().splitlines()) == 3 + 2
    rollouts = ended.store.journal().rollouts
    assert [r.earlier_tries for r in rollouts] == [{}, {"sandbox_failed": 2}, {}]
    (repeat,) = repeats("run", rollouts)
    assert (repeat.rollouts, repeat.tries, repeat.most_tries, repeat.resolved) == (1, 2, 3, 0)
    whole = run(*breaking(tmp_path / "none", times=0), into="whole")
    # The keys differ, since they cover the agent's options.
    results = [
        [r.result() | {"key": ""} for r in e.store.journal().rollouts] for e in (whole, ended)
    ]
    assert results[0] == results[1]


def test_a_memory_that_dislikes_a_verdict_gets_no_other(run, call, tmp_path):
    count = tmp_path / "count"
    agent = ("--agent", ":counts", "--agent-option", f"count={count}")
    ended = run(*agent, "--memory", ":Forgetful", "--retries", "2")
    assert ended.causes("sequential") == ["", "memory_failed"]
    assert ended.store.journal().rollouts[1].failure.lost_verdict is False
    assert len(count.read_text().splitlines()) == 1
    again = call("resume", ended.store.root)  # a person may try again, and everybody sees it
    assert len(count.read_text().splitlines()) == 2
    told = {"memory_failed, after it was not resolved": 1}
    assert again.store.journal().rollouts[1].earlier_tries == told


def test_a_memory_that_ends_the_run_after_a_verdict_does_not_hide_the_try(run, call):
    given = ("--agent", "noop", "--memory", ":Hoarder", "--feedback", "none")
    ended = run(*given, limit=1)
    assert ended.code == 3
    again = call("resume", ended.store.root)
    rollout = again.store.journal().rollouts[-1]
    assert rollout.failure.lost_verdict is False
    assert rollout.earlier_tries == {"memory_failed, after it was not resolved": 1}


@pytest.mark.parametrize(
    ("memory", "detail"), [(":Forgetful", "OSError: disk full"), (":Quitting", "SystemExit")]
)
def test_a_memory_that_raises_is_no_verdict_and_blocks_its_sequence(run, memory, detail):
    ended = run("--agent", "noop", "--memory", memory, "--retries", "1")
    assert ended.code == 5
    assert ended.verdicts("sequential") == [False, None]
    assert ended.causes("sequential") == ["", "memory_failed"]
    assert f"(memory_failed: {detail}" in ended.err


def test_a_memory_that_recalls_the_future_ends_the_run(run, ledgerlite):
    future = f"future={ledgerlite.instances[2].instance_id}"
    ended = run("--agent", "noop", "--memory", ":Clairvoyant", "--memory-option", future)
    assert ended.code == 3
    assert "at position 1 the memory recalls" in ended.err.splitlines()[-2]
    assert len(ended.store.journal().rollouts) == 1


def test_text_that_no_encoding_can_write_is_no_trouble(run):
    ended = run("--agent", "noop", "--memory", ":Odd", limit=2)
    assert ended.code == 0, ended.err
    assert all(r.recalled_bytes for r in ended.store.journal().rollouts)


@pytest.mark.parametrize("policy", ["none", "verdict", "tests", "gold"])
def test_the_feedback_policy_reaches_the_memory(run, policy):
    ended = run("--agent", "gold", "--memory", ":Told", "--feedback", policy, limit=2)
    rollout = ended.store.journal().rollouts[1]
    steps = files(ended, "sequential", 1, rollout.instance_id)["trajectory.json"]
    (told,) = (json.loads(i["text"]) for i in json.loads(steps)["steps"][0]["extra"]["recalled"])
    assert told["resolved"] is (None if policy == "none" else True)
    assert told["test_output"] is (policy in ("tests", "gold"))
    assert told["gold"] is (policy == "gold")


def test_nomem_is_told_nothing_and_recalls_nothing(run):
    ended = run("--agent", "noop", "--memory", ":Told", arms=("nomem",))
    assert ended.code == 0
    assert {(r.recalled, r.memory_after) for r in ended.store.journal().rollouts} == {(0, EMPTY)}


def test_the_lessons_of_one_seed_do_not_reach_another(run):
    ended = run("--agent", "noop", "--memory", ":Told", "--seeds", "2")
    recalled = [r.recalled for r in ended.store.journal().rollouts]
    assert recalled == [0, 1, 2, 0, 1, 2]


def test_the_same_run_twice_has_the_same_results(run, call, tmp_path):
    first = run("--agent", "localizer", "--memory", "episodic", arms=BOTH)
    given = [*("--arm", "sequential", "--arm", "iid", "--seeds", "1", "--limit", "3"),
             *("--agent", "localizer", "--memory", "episodic", "--jobs", "4")]  # fmt: skip
    second = call("run", tmp_path / "again", *given)
    digests = {ended.store.journal().results_digest() for ended in (first, second)}
    assert len(digests) == 1


def test_grading_again_gives_the_same_verdicts(run, call):
    ended = run("--agent", "gold", *NONE, limit=2)
    assert call("grade", ended.store.root).code == 0


def test_a_patch_changed_after_the_run_is_noticed(run, call):
    ended = run("--agent", "gold", *NONE, limit=1)
    (patch,) = ended.store.root.rglob("patch.diff")
    patch.write_text(patch.read_text() + "\n")
    again = call("grade", ended.store.root)
    assert again.code == 2
    assert "is not the patch that was graded" in again.err


def test_a_run_whose_images_changed_is_not_continued(run, call):
    ended = run("--agent", "noop", *NONE, limit=2)
    path = ended.store.root / "rollouts.jsonl"
    [first, *_] = ended.store.journal().rollouts
    path.write_text(json.dumps(replace(first, key="sha256:other").as_json()) + "\n")
    again = call("resume", ended.store.root)
    assert again.code == 2
    assert "made with another Python, other packages" in again.err.splitlines()[-2]
