"""Whatever a plug-in does to its process, the run goes on, and says what happened."""

import json

import pytest

from tests.harness.plugin_host.hostile import HARM, RECALLS

HERE = "tests.harness.plugin_host.hostile:"
SHORT = ("--task-seconds", "2", "--retries", "0", "--jobs", "1")
ENDED = "its process ended by itself with exit code"
SAYS = {
    "os._exit": ENDED,
    "sys.exit": "SystemExit",
    "KeyboardInterrupt": "KeyboardInterrupt",
    "BaseException": "Unexpected: from the plug-in",
    "segmentation fault": "died of SIGSEGV",
    "SIGTERM": "died of SIGTERM",
    "hang": "took longer than 2 s",
    "spin": "took longer than 2 s",
    "ignores signals and hangs": "took longer than 2 s",
    "closes every file": "its process",
    "endless recursion": "RecursionError",
    "kills its parent": "PermissionError",
}
STOPS = ("hang", "spin", "ignores signals and hangs")


def memory(harm, where):
    return ("--memory", HERE + "HarmfulMemory", "--memory-option", f"harm={harm}",
            "--memory-option", f"where={where}")  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_a_memory_that_harms_its_process_fails_its_rollouts_and_no_others(run, harm):
    ended = run("--agent", "noop", *memory(harm, "recall"), *SHORT, limit=1, arms=("iid", "nomem"))
    assert ended.code == 5
    assert (ended.causes("iid"), ended.causes("nomem")) == (["memory_failed"], [""])
    assert ended.verdicts("nomem") == [False]
    (failed,) = [r.failure.detail for r in ended.store.journal().rollouts if r.failure]
    assert SAYS[harm] in failed


@pytest.mark.parametrize("where", ["record", "save"])
@pytest.mark.parametrize("harm", ["os._exit", "BaseException", "hang"])
def test_every_method_of_a_memory_is_bounded(run, harm, where):
    given = (*memory(harm, where), *SHORT, "--plugin-seconds", "2")
    ended = run("--agent", "noop", *given, limit=1)
    assert ended.causes("sequential") == ["memory_failed"]
    assert SAYS[harm] in ended.store.journal().rollouts[0].failure.detail


@pytest.mark.parametrize("harm", ["os._exit", "KeyboardInterrupt", "segmentation fault", "hang"])
def test_a_memory_that_cannot_be_built_is_said_before_anything_runs(run, harm):
    from seqswe.errors import RunDirError

    with pytest.raises(RunDirError):  # no run was made
        run("--agent", "noop", *memory(harm, "build"), "--plugin-seconds", "2", limit=1)


@pytest.mark.parametrize("harm", HARM)
def test_an_agent_that_harms_its_process_is_graded_for_what_it_left(run, harm):
    agent = ("--agent", HERE + "HarmfulAgent", "--agent-option", f"harm={harm}")
    ended = run(*agent, "--memory", "none", *SHORT, limit=1)
    assert ended.code == 0, ended.err
    assert ended.causes("sequential") == [
        "agent_out_of_budget" if harm in STOPS else "agent_crashed"
    ]
    (rollout,) = ended.store.journal().rollouts
    assert SAYS[harm] in rollout.failure.detail
    assert rollout.edited_files == ("half.py",)


@pytest.mark.parametrize("kind", RECALLS)
def test_a_recall_that_nobody_can_use_fails_its_rollout(run, kind):
    given = ("--memory", HERE + "OddMemory", "--memory-option", f"kind={kind}")
    ended = run("--agent", "noop", *given, "--retries", "0", limit=1)
    assert ended.causes("sequential") == ["memory_failed"]
    assert ended.code == 5
    assert max(map(len, ended.err.splitlines())) <= 310


@pytest.mark.parametrize("kind", ["link", "folder link", "pipe"])
def test_a_memory_saves_files_and_nothing_that_leads_elsewhere(run, tmp_path, kind):
    (tmp_path / "secret").write_text("of the user")
    given = ("--memory", HERE + "LinkingMemory", "--memory-option", f"kind={kind}",
             "--memory-option", f"target={tmp_path}/secret")  # fmt: skip
    ended = run("--agent", "noop", *given, *SHORT, "--plugin-seconds", "5", limit=1)
    assert ended.causes("sequential") == ["memory_failed"]
    kept = [p for p in ended.store.root.rglob("*.json") if "of the user" in p.read_text()]
    assert not kept


def test_the_journal_cannot_be_written(run, call, tmp_path):
    out = tmp_path / "run"
    agent = ("--agent", HERE + "Writer", "--agent-option", f"target={out}")
    ended = run(*agent, "--memory", "none", limit=3)
    assert ended.code == 0, ended.err
    assert [r.ranking for r in ended.store.journal().rollouts] == [()] * 3
    # Named by an option when the run is there, it may be read, but still not written.
    lines = (out / "rollouts.jsonl").read_text().splitlines(keepends=True)
    (out / "rollouts.jsonl").write_text("".join(lines[:1]))
    again = call("resume", out)
    assert again.code == 0, again.err
    assert [r.ranking for r in again.store.journal().rollouts] == [()] * 3


def test_gold_keys_and_the_run_are_out_of_reach(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSWE_TESTS_KEY", "secret")
    target = f"target={tmp_path}/run"
    ended = run("--agent", HERE + "Reader", "--agent-option", target, "--memory", "none", limit=3)
    assert [r.ranking for r in ended.store.journal().rollouts] == [()] * 3


def test_gold_is_given_to_an_agent_that_declares_it(run, ledgerlite):
    ended = run("--agent", HERE + "ReadsGold", "--memory", "none", limit=2)
    rankings = [r.ranking for r in ended.store.journal().rollouts]
    assert rankings == [r.gold_files for r in ended.store.journal().rollouts]


def test_the_trace_of_what_went_wrong_reaches_the_author(run):
    ended = run("--agent", "noop", *memory("BaseException", "recall"), *SHORT, limit=1)
    (trace,) = ended.store.root.rglob("plugin_error.txt")
    assert 'raise Unexpected("from the plug-in")' in trace.read_text()
    agent = json.loads((ended.store.root / "rollouts.jsonl").read_text())
    assert agent["failure"]["detail"] == "Unexpected: from the plug-in"
